/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of fields in a MetaGraphDef. For meta_graph*.c only. */
#ifndef CAIRN_FORMAT_META_GRAPH_FIELDS_H
#define CAIRN_FORMAT_META_GRAPH_FIELDS_H

enum meta_graph_field {
	META_INFO = 1,
	META_GRAPH = 2,
	META_SAVER = 3,
	META_COLLECTION = 4,
	META_SIGNATURE = 5,
	META_ASSET = 6,
	META_OBJECT_GRAPH = 7,
	INFO_VERSION = 1, /* MetaInfoDef */
	INFO_TAGS = 4,
	INFO_TENSORFLOW = 5,
	INFO_GIT = 6,
	GRAPH_NODE = 1, /* GraphDef */
	GRAPH_LIBRARY = 2,
	GRAPH_VERSIONS = 4,
	NODE_DEVICE = 4,      /* NodeDef */
	LIBRARY_FUNCTION = 1, /* FunctionDefLibrary */
	FUNCTION_NODE = 3,    /* FunctionDef */
	VERSIONS_PRODUCER = 1,
	VERSIONS_MIN_CONSUMER = 2,
	ENTRY_KEY = 1, /* of a map */
	ENTRY_VALUE = 2,
	LIST_VALUE = 1 /* of all kinds of a CollectionDef */
};

#endif
