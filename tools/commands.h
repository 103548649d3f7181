/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands of the tool, one in each cmd_<name>.c. argv[0] is the command's name; each returns
 * the exit status.
 */
#ifndef CAIRN_TOOLS_COMMANDS_H
#define CAIRN_TOOLS_COMMANDS_H

int cmd_bench(int argc, char **argv);
int cmd_cat(int argc, char **argv);
int cmd_convert(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_gc(int argc, char **argv);
int cmd_graph(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_latest(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_ls(int argc, char **argv);
int cmd_merge(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_stats(int argc, char **argv);
int cmd_verify(int argc, char **argv);

#endif
