/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places by what the container's own section table says.
 */
#include "tests/support/container_places.h"

static const enum section_type sections[] = {
	[TENSOR] = SECTION_TENSORS, [NAME] = SECTION_NAMES,
	[DIM] = SECTION_DIMS,       [SLICE] = SECTION_SLICES,
	[EXTENT] = SECTION_EXTENTS, [CHUNK_DIGEST] = SECTION_CHUNK_DIGESTS,
	[SHARD] = SECTION_SHARDS,   [REGION] = SECTION_REGIONS};

static uint8_t *data_of(const struct container_bytes *container, uint64_t extent)
{
	const uint8_t *const record = container_bytes_record(container, SECTION_EXTENTS, extent);

	return container->bytes + field_load(record + E_OFFSET, 8);
}

uint8_t *container_place(const struct container_bytes *container, enum area area, uint64_t number)
{
	if (area == HEADER)
		return container->bytes;
	if (area == FOOTER)
		return container_bytes_footer(container);
	if (area == ENTRY)
		return container_bytes_section_entry(container, (enum section_type)number);
	if (area == DATA)
		return data_of(container, number);
	return container_bytes_record(container, sections[area], number);
}

uint64_t container_place_count(const struct container_bytes *container, enum area area,
			       uint64_t *first)
{
	*first = area == ENTRY ? SECTION_TENSORS : 0;
	if (area == ENTRY)
		return SECTION_KNOWN_COUNT;
	if (area == HEADER || area == FOOTER)
		return 1;
	return container_bytes_record_count(container, sections[area]);
}
