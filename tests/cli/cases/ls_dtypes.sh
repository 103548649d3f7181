# SPDX-License-Identifier: Apache-2.0
make m.safetensors b BOOL 2 u8 U8 2 i8 I8 2 e5 F8_E5M2 2 e4 F8_E4M3 2 i16 I16 2 u16 U16 2 f16 F16 2 bf BF16 2 i32 I32 2 u32 U32 2 i64 I64 2 u64 U64 2 f64 F64 2 c64 C64 2 f4 F4 4 f6 F6_E2M3 8
cairn ls m.safetensors
