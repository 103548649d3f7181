/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elements are sorted through pointers or keys, then moved along the cycles of the permutation, so
 * that a large array is never there twice.
 *
 * Names are sorted by the eight bytes behind what all of them begin with, kept beside their
 * numbers; the names themselves are compared where these are equal. That spares most of the cache
 * misses that are the cost of sorting.
 */
#include "format/sort_array.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "format/sort.h"

/* ---------------------------------------------------------------------------- by any comparison */

static uint32_t *in_given_order(struct arena *arena, uint64_t count)
{
	uint32_t *const order = arena_allocate_array(arena, count, sizeof(*order));

	assert(count <= UINT32_MAX);
	for (uint64_t i = 0; order != NULL && i < count; i++)
		order[i] = (uint32_t)i;
	return order;
}

static bool is_sorted(const uint8_t *array, uint64_t count, size_t size, sort_compare *compare)
{
	for (uint64_t i = 1; i < count; i++) {
		if (compare(array + (i - 1) * size, array + i * size) > 0)
			return false;
	}
	return true;
}

uint32_t *sort_order(struct arena *arena, void *array, uint64_t count, size_t element_size,
		     sort_compare *compare)
{
	uint8_t *const elements = array;
	uint32_t *const order = in_given_order(arena, count);
	void **pointers;

	if (order == NULL || is_sorted(elements, count, element_size, compare))
		return order;
	pointers = arena_allocate_array(arena, 2 * count, sizeof(*pointers));
	if (pointers == NULL)
		return NULL;
	for (uint64_t i = 0; i < count; i++)
		pointers[i] = elements + i * element_size;
	sort_pointers(pointers, pointers + count, count, compare);
	for (uint64_t i = 0; i < count; i++)
		order[i] = (uint32_t)((size_t)((uint8_t *)pointers[i] - elements) / element_size);
	return order;
}

/* -------------------------------------------------------------------------------------- by name */

struct names {
	const uint8_t *first; /* a struct cairn_string every `stride` bytes */
	size_t stride;
	size_t shared; /* bytes that all of them begin with */
};

struct keyed {
	uint64_t key; /* bytes behind the shared ones, the first one highest; zeros where the name
			 is over */
	uint32_t number;
};

static struct cairn_string name_at(const struct names *names, uint64_t number)
{
	struct cairn_string name;

	memcpy(&name, names->first + number * names->stride, sizeof(name));
	return name;
}

static size_t shared_with(struct cairn_string a, struct cairn_string b, size_t size)
{
	size_t shared = 0;

	if (size <= a.size && size <= b.size && memcmp(a.data, b.data, size) == 0)
		return size;
	while (shared < size && shared < a.size && shared < b.size &&
	       a.data[shared] == b.data[shared])
		shared++;
	return shared;
}

static size_t shared_by_all(const struct names *names, uint64_t count)
{
	const struct cairn_string first = count > 0 ? name_at(names, 0)
						    : (struct cairn_string){"", 0};
	size_t shared = first.size;

	for (uint64_t i = 1; i < count && shared > 0; i++)
		shared = shared_with(first, name_at(names, i), shared);
	return shared;
}

static uint64_t key_of(struct cairn_string name, size_t shared)
{
	uint8_t bytes[8] = {0};
	uint64_t key = 0;
	const size_t left = name.size - shared;

	memcpy(bytes, name.data + shared, left < sizeof(bytes) ? left : sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		key = key << 8 | bytes[i];
	return key;
}

static int compare_names(struct cairn_string a, struct cairn_string b)
{
	const int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);

	return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_keyed(const struct names *names, const struct keyed *a, const struct keyed *b)
{
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return compare_names(name_at(names, a->number), name_at(names, b->number));
}

/* Merges from[left, middle) and from[middle, right) into to[left, right). Equal names keep their
 * order. */
static void merge(const struct names *names, const struct keyed *from, struct keyed *to,
		  uint64_t left, uint64_t middle, uint64_t right)
{
	uint64_t a = left;
	uint64_t b = middle;

	if (middle == right || compare_keyed(names, &from[middle - 1], &from[middle]) <= 0) {
		memcpy(to + left, from + left, (right - left) * sizeof(*to));
		return;
	}
	for (uint64_t i = left; i < right; i++) {
		const bool take_a = b == right ||
				    (a < middle && compare_keyed(names, &from[a], &from[b]) <= 0);

		to[i] = take_a ? from[a++] : from[b++];
	}
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Returns which of the two arrays holds the result. */
static const struct keyed *merge_all(const struct names *names, struct keyed *from,
				     struct keyed *to, uint64_t count)
{
	for (uint64_t width = 1; width < count; width *= 2) {
		struct keyed *const merged = to;

		for (uint64_t left = 0; left < count; left += 2 * width)
			merge(names, from, to, left, smaller(left + width, count),
			      smaller(left + 2 * width, count));
		to = from;
		from = merged;
	}
	return from;
}

static bool keys_sorted(const struct names *names, const struct keyed *keys, uint64_t count)
{
	for (uint64_t i = 1; i < count; i++) {
		if (compare_keyed(names, &keys[i - 1], &keys[i]) > 0)
			return false;
	}
	return true;
}

uint32_t *sort_order_by_name(struct arena *arena, const struct cairn_string *first, size_t stride,
			     uint64_t count)
{
	struct names names = {(const uint8_t *)first, stride, 0};
	uint32_t *const order = in_given_order(arena, count);
	struct keyed *const keys = arena_allocate_array(arena, 2 * count, sizeof(*keys));
	const struct keyed *sorted;

	if (order == NULL || keys == NULL)
		return NULL;
	names.shared = shared_by_all(&names, count);
	for (uint64_t i = 0; i < count; i++)
		keys[i] = (struct keyed){key_of(name_at(&names, i), names.shared), (uint32_t)i};
	if (keys_sorted(&names, keys, count))
		return order;
	sorted = merge_all(&names, keys, keys + count, count);
	for (uint64_t i = 0; i < count; i++)
		order[i] = sorted[i].number;
	return order;
}

/* --------------------------------------------------------------------------------------- moving */

/* Moves every element of the cycle through `hole` to its place. */
static void move_cycle(uint8_t *array, size_t size, uint32_t *order, uint32_t start)
{
	uint8_t saved[SORT_ELEMENT_SIZE_MAX];
	uint32_t hole = start;

	memcpy(saved, array + start * size, size);
	while (order[hole] != start) {
		const uint32_t source = order[hole];

		memcpy(array + hole * size, array + source * size, size);
		order[hole] = hole;
		hole = source;
	}
	memcpy(array + hole * size, saved, size);
	order[hole] = hole;
}

void sort_apply(void *array, uint64_t count, size_t element_size, uint32_t *order)
{
	assert(element_size <= SORT_ELEMENT_SIZE_MAX);
	for (uint64_t i = 0; i < count; i++) {
		if (order[i] != i)
			move_cycle(array, element_size, order, (uint32_t)i);
	}
}
