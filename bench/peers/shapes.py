# SPDX-License-Identifier: Apache-2.0
"""The tensors of bench_cairn's model: GPT-2 small without its masks."""


def shapes():
    layer = {
        "ln_1.weight": (768,), "ln_1.bias": (768,),
        "attn.c_attn.weight": (768, 2304), "attn.c_attn.bias": (2304,),
        "attn.c_proj.weight": (768, 768), "attn.c_proj.bias": (768,),
        "ln_2.weight": (768,), "ln_2.bias": (768,),
        "mlp.c_fc.weight": (768, 3072), "mlp.c_fc.bias": (3072,),
        "mlp.c_proj.weight": (3072, 768), "mlp.c_proj.bias": (768,),
    }
    yield "wte.weight", (50257, 768)
    yield "wpe.weight", (1024, 768)
    for number in range(12):
        for name, shape in layer.items():
            yield f"h.{number}.{name}", shape
    yield "ln_f.weight", (768,)
    yield "ln_f.bias", (768,)
