/* SPDX-License-Identifier: Apache-2.0 */
/* Digests of data made to fit in a container that anything may be wrong with. */
#ifndef CAIRN_TESTS_FUZZ_RESEAL_H
#define CAIRN_TESTS_FUZZ_RESEAL_H

#include "tests/support/container_bytes.h"

/* Digests of chunks and tensors, as far as the records say where both are. What lies elsewhere is
 * left alone. The index is to be sealed afterwards. */
void reseal_data(const struct container_bytes *container);

#endif
