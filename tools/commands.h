/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands of the tool, one in each cmd_<name>.c. argv[0] is the command's name; each returns
 * the exit status.
 */
#ifndef CAIRN_TOOLS_COMMANDS_H
#define CAIRN_TOOLS_COMMANDS_H

#include <stddef.h>

/* A line of the table in main.c. */
struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
};

/* The hidden command behind completion: argv[1] and what follows are the words after `cairn`, the
 * last of them the one that is being typed. */
int complete_words(int argc, char **argv, const struct command *commands, size_t command_count);

int cmd_bench(int argc, char **argv);
int cmd_cat(int argc, char **argv);
int cmd_completion(int argc, char **argv);
int cmd_convert(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_dump(int argc, char **argv);
int cmd_edit(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_gc(int argc, char **argv);
int cmd_graph(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_latest(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_ls(int argc, char **argv);
int cmd_merge(int argc, char **argv);
int cmd_pack(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_stats(int argc, char **argv);
int cmd_verify(int argc, char **argv);

#endif
