/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cairn: a command line for checkpoints.
 *
 * Finds the command and leaves the rest to it: each has a file cmd_<name>.c. `cairn PATH` is `cairn
 * info PATH`, so a first word that is no command is taken as a path if it looks like one or is
 * there.
 */
#include <locale.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/cli.h"
#include "tools/commands.h"
#include "tools/progress.h"
#include "tools/text.h"

static const struct command commands[] = {
	{"info", cmd_info, "what a checkpoint is: format, tensors, bytes, types, files, metadata"},
	{"ls", cmd_ls, "its tensors"},
	{"cat", cmd_cat, "the bytes of tensors, or of a slice of one"},
	{"show", cmd_show, "the values of a tensor, as NumPy prints them"},
	{"stats", cmd_stats, "least, greatest, mean, NaN, zeros of each tensor and of all"},
	{"verify", cmd_verify, "check every digest and every structural rule"},
	{"diff", cmd_diff, "what is different between two of them"},
	{"convert", cmd_convert, "write it in another format, losing nothing"},
	{"edit", cmd_edit, "change metadata and names, without rewriting data"},
	{"dump", cmd_dump, "write it as text"},
	{"pack", cmd_pack, "make a container of such a text"},
	{"graph", cmd_graph, "the objects of a TensorFlow checkpoint, as a tree"},
	{"merge", cmd_merge, "make one checkpoint of several, linking their files"},
	{"latest", cmd_latest, "the newest checkpoint of a folder, by its state file"},
	{"list", cmd_list, "all checkpoints of a folder"},
	{"gc", cmd_gc, "remove what dead writers left in a folder"},
	{"explain", cmd_explain, "how a restore would be carried out here, and why"},
	{"bench", cmd_bench, "how fast it opens and reads here, beside what this machine can do"},
	{"completion", cmd_completion, "a script that lets a shell complete commands and names"},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

static void print_commands(FILE *file)
{
	fputs("usage: cairn COMMAND [options] ...\n"
	      "       cairn PATH               the same as cairn info PATH\n\n"
	      "Reads checkpoints of machine learning models (Cairn, safetensors, TensorFlow), "
	      "checks, "
	      "converts and merges them.\n\n"
	      "commands:\n",
	      file);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(file, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs("\n  cairn COMMAND --help     all about one command\n"
	      "  cairn --version          of the tool and of its library\n\n"
	      "exit status: 0 done or yes, 1 no (damaged, different, not there), 2 wrong command "
	      "line,\n"
	      "3 could not find out (cannot be read, no memory), 130 interrupted\n",
	      file);
}

static int print_version(void)
{
	printf("cairn %d.%d.%d (library %s)\n", CAIRN_VERSION_MAJOR, CAIRN_VERSION_MINOR,
	       CAIRN_VERSION_PATCH, cairn_version());
	return CLI_DONE;
}

static const char *nearest_command(const char *word)
{
	const char *nearest = NULL;
	size_t best = 4;

	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		const size_t mismatch = text_mismatch(cairn_string_from(word),
						      cairn_string_from(commands[i].name));
		if (mismatch < best) {
			best = mismatch;
			nearest = commands[i].name;
		}
	}
	return nearest;
}

static int unknown_command(const char *word)
{
	const char *nearest = nearest_command(word);
	char shown[128];

	text_escape(cairn_string_from(word), shown, sizeof(shown));
	if (nearest)
		return cli_usage_error(NULL, "unknown command '%s', did you mean '%s'?", shown,
				       nearest);
	return cli_usage_error(NULL, "'%s' is neither a command nor a path", shown);
}

/* `cairn help` and `cairn help COMMAND`. */
static int run_help(int argc, char **argv)
{
	static char option[] = "--help";

	if (argc < 3) {
		print_commands(stdout);
		return CLI_DONE;
	}
	const struct command *command = find_command(argv[2]);
	if (!command)
		return unknown_command(argv[2]);
	char *words[] = {argv[2], option, NULL};
	return command->run(2, words);
}

/* Something of that name, or of that name with a suffix that open adds, is there, or only a path
 * has such letters. */
static bool looks_like_path(const char *word)
{
	struct stat facts;
	char longer[4096];

	if (strpbrk(word, "/.") || stat(word, &facts) == 0)
		return true;
	snprintf(longer, sizeof(longer), "%s.cairn", word);
	return stat(longer, &facts) == 0;
}

/* argv[0] stands where the command's name would. */
static int run_info(int argc, char **argv)
{
	if (argc > 2 && find_command(argv[2]))
		return cli_usage_error(NULL, "the command comes first: 'cairn %s %s'", argv[2],
				       argv[1]);
	return cmd_info(argc, argv);
}

static int run_option(const char *word)
{
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
		print_commands(stdout);
		return CLI_DONE;
	}
	if (strcmp(word, "--version") == 0)
		return print_version();
	return cli_usage_error(NULL, "'%s' stands before any command: options follow it", word);
}

static int run(int argc, char **argv)
{
	if (argc < 2) {
		print_commands(stderr);
		return CLI_USAGE;
	}
	if (strcmp(argv[1], "help") == 0)
		return run_help(argc, argv);
	if (strcmp(argv[1], "__complete") == 0)
		return complete_words(argc - 1, argv + 1, commands, COMMAND_COUNT);
	const struct command *command = find_command(argv[1]);
	if (command)
		return command->run(argc - 1, argv + 1);
	if (argv[1][0] == '-')
		return run_option(argv[1]);
	if (looks_like_path(argv[1]))
		return run_info(argc, argv);
	return unknown_command(argv[1]);
}

int main(int argc, char **argv)
{
	/* Whole lines, which do not mix with those of other programs. */
	setvbuf(stderr, NULL, _IOLBF, BUFSIZ);
	progress_take_signals();
	/* Names are UTF-8 whatever the terminal is set to; numbers keep their points. */
	setlocale(LC_CTYPE, "C.UTF-8");
	return cli_finish(run(argc, argv));
}
