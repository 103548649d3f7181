/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all commands share: option tables, errors, exit status, sizes, opening a checkpoint.
 *
 * The result of a command goes to stdout, everything else to stderr; an error is one line that
 * begins with "cairn: ". Under --json stdout is JSON or empty.
 */
#ifndef CAIRN_TOOLS_CLI_H
#define CAIRN_TOOLS_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cairn/cairn.h>

/* What the tool exits with; scripts rely on the numbers. */
enum cli_exit {
	CLI_DONE = 0,  /* done, or the answer is yes */
	CLI_NO = 1,    /* the answer is no: damaged, not a checkpoint, not there, not expressible */
	CLI_USAGE = 2, /* the command line is wrong */
	CLI_UNKNOWN = 3,      /* could not find out: path, input/output, memory */
	CLI_INTERRUPTED = 130 /* by a signal; nothing was left behind */
};

/* -------------------------------------------------------------------------------- command lines */

enum cli_kind {
	CLI_FLAG,  /* target: bool */
	CLI_TEXT,  /* target: const char *; borrowed from the command line */
	CLI_COUNT, /* target: uint64_t */
	CLI_SIZE,  /* target: uint64_t; bytes, with a unit */
	CLI_LIST   /* target: struct cli_list; may be given several times */
};

/* All values of an option, in their order; borrowed from the command line. */
#define CLI_LIST_MAX 256
struct cli_list {
	const char *values[CLI_LIST_MAX];
	size_t count;
};

struct cli_option {
	const char *name; /* with its dashes: "--match" */
	enum cli_kind kind;
	const char *value_name; /* "GLOB"; NULL for a flag */
	const char *help;       /* one line */
	void *target;           /* by kind; unchanged when the option is not given */
};

/* How a command is called. Static, but for the targets of its options. */
struct cli_usage {
	const char *command;   /* "ls" */
	const char *arguments; /* "PATH"; what the help and the errors say */
	const char *summary;   /* one line */
	const char *details;   /* paragraphs for --help, each line ended by a newline; or NULL */
	size_t arguments_min;
	size_t arguments_max;
	const struct cli_option *options;
	size_t option_count;
};

/* The words of a command line that are not options. */
struct cli_arguments {
	char **values; /* borrowed from argv, whose order changes */
	size_t count;
};

/* Stands for "go on" where an exit status would end the program. */
#define CLI_GO_ON (-1)

/*
 * Fills the targets and *arguments from argv[1] on (argv[0] is the command). Options may stand
 * anywhere before a "--". Returns CLI_GO_ON; or the exit status when help was asked for, or an
 * error was printed.
 */
int cli_parse(const struct cli_usage *usage, int argc, char **argv,
	      struct cli_arguments *arguments);

/* Hands over what a command says about itself, without running it. */
typedef void (*cli_usage_visitor)(void *context, const struct cli_usage *usage);
void cli_visit_usage(int (*run)(int argc, char **argv), cli_usage_visitor visit, void *context);

/* Bytes from "512", "64KiB", "5GB", "2G" (1024-based, as KiB is): false when it is none or
 * overflows. */
bool cli_parse_size(const char *text, uint64_t *size);

/* A plain decimal number. */
bool cli_parse_count(const char *text, uint64_t *count);

/* --------------------------------------------------------------------------------------- errors */

/* Prints "cairn: MESSAGE (see 'cairn COMMAND --help')" and returns CLI_USAGE. */
int cli_usage_error(const char *command, const char *format, ...) CAIRN_PRINTF(2, 3);

/* Prints "cairn: MESSAGE" and returns `status`, for what the tool itself finds wrong. */
int cli_error(enum cli_exit status, const char *format, ...) CAIRN_PRINTF(2, 3);

/* Prints "cairn: note: MESSAGE". */
void cli_note(const char *format, ...) CAIRN_PRINTF(1, 2);

/* Prints the message of a failed call of the library, and what to do next if that is known; returns
 * the exit status. */
int cli_fail(enum cairn_status status, const struct cairn_error *error);

/* The exit status that stands for a status of the library. */
enum cli_exit cli_exit_from(enum cairn_status status);

/* Flushes stdout: the exit status, or CLI_UNKNOWN when the result could not be written in full. */
int cli_finish(int exit_status);

/* -------------------------------------------------------------------------------- several paths */

/* What a command does with one of its paths; returns the exit status. */
typedef int (*cli_path_run)(void *context, const char *path);

/* Does it with each, as long as somebody reads the result, and returns the worst status. */
int cli_each_path(const struct cli_arguments *paths, cli_path_run run, void *context);

/* JSON documents of several paths: an array of those that there are, nothing when there are none.
 * A single document stands alone. */
struct cli_documents {
	bool several;
	size_t count; /* so far */
};

/* Before and after each document, which ends with a newline; and after all of them. */
void cli_document_begin(struct cli_documents *documents);
void cli_documents_end(const struct cli_documents *documents);

/* ---------------------------------------------------------------------------------- checkpoints */

/* Opens `path` and prints the reader's note, if any. Returns CLI_GO_ON, or the exit status after
 * printing the error. */
int cli_open(const char *path, const struct cairn_reader_options *options,
	     struct cairn_reader **reader);

/* What cli_open does when the reader could not be opened. */
int cli_fail_open(const char *path, enum cairn_status status, const struct cairn_error *error);

/* The same for the state file of a folder: CLI_NO when the folder is there, but not what was asked
 * for. */
int cli_fail_state(const char *folder, enum cairn_status status, const struct cairn_error *error);

/* CLI_GO_ON; or the exit status when the folder is empty, or the name of its state file (NULL: the
 * default) is none. */
int cli_check_state_arguments(const char *command, const char *folder, const char *latest_filename);

/* The facts about an open reader. */
struct cairn_reader_info cli_info(const struct cairn_reader *reader);

/* Bytes of the elements: of strings the sum of their lengths, without the offset table. */
uint64_t cli_tensor_bytes(const struct cairn_tensor *tensor);

/* Elements have no fixed size: strings and their like. */
bool cli_has_strings(const struct cairn_tensor *tensor);

/* The canonical name of a type, or "type-N" for one that this version does not know. `buffer` is
 * for the latter. */
#define CLI_DTYPE_SIZE 24
const char *cli_dtype_name(enum cairn_dtype dtype, char buffer[CLI_DTYPE_SIZE]);

/* a + b, or the largest number: sums over what a file says must not wrap. */
uint64_t cli_add(uint64_t a, uint64_t b);

/* ---------------------------------------------------------------------------------------- sizes */

#define CLI_SIZE_SIZE 32

/* "474.7 MiB"; returns `buffer`. */
const char *cli_format_size(double bytes, char buffer[CLI_SIZE_SIZE]);

/* "12,345,678"; returns `buffer`. */
const char *cli_format_count(uint64_t count, char buffer[CLI_SIZE_SIZE]);

/* The path without slashes behind it: "folder/" means the folder. Changes and returns it. */
char *cli_without_slashes(char *path);

/* "s" unless `count` is one. */
const char *cli_plural(uint64_t count);

#endif
