/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may stand where the cursor is: answers for the scripts of `cairn completion`.
 *
 * The first line says what kind of word it is: "words" and "names" are followed by candidates, one
 * a line, a blank-free word or a name, of words with what it means behind a tab; "files" leaves it
 * to the shell. Nothing here complains: a shell in the middle of a line is no place for messages.
 */
#include <stdio.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/commands.h"
#include "tools/complete_names.h"

/* What is typed so far. */
struct line {
	char **words; /* behind the command; the last one is being typed */
	size_t count;
	const char *current;
};

static bool begins_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static void print_word(const char *word, const char *meaning)
{
	printf("%s\t%s\n", word, meaning);
}

/* ---------------------------------------------------------------------------------------- names */

/* In front of names, when one word holds both an option and a name: "--match=". */
struct names_output {
	const char *lead;
	size_t lead_size;
	bool dashes; /* a name may begin with one: no option can stand here */
};

/* A name with control characters can neither be typed nor shown. */
static bool can_be_typed(struct cairn_string name)
{
	for (size_t i = 0; i < name.size; i++) {
		if ((unsigned char)name.data[i] < ' ' || name.data[i] == 0x7f)
			return false;
	}
	return name.size != 0;
}

static void print_name(void *context, struct cairn_string name)
{
	const struct names_output *output = context;

	if (!can_be_typed(name) || (name.data[0] == '-' && !output->dashes))
		return;
	fwrite(output->lead, 1, output->lead_size, stdout);
	fwrite(name.data, 1, name.size, stdout);
	putchar('\n');
}

static void complete_name(const char *path, const char *typed, struct names_output output)
{
	struct cairn_reader *reader = NULL;

	puts("names");
	if (!path || cairn_reader_open(path, NULL, &reader, NULL) != CAIRN_OK)
		return;
	complete_names(reader, cairn_string_from(typed), print_name, &output);
	cairn_reader_close(reader);
}

/* -------------------------------------------------------------------------------------- options */

static const struct cli_option *find_option(const struct cli_usage *usage, const char *word)
{
	const size_t size = strcspn(word, "=");

	for (size_t i = 0; i < usage->option_count; i++) {
		const struct cli_option *option = &usage->options[i];
		if (strlen(option->name) == size && memcmp(option->name, word, size) == 0)
			return option;
	}
	return NULL;
}

static void complete_option(const struct cli_usage *usage, const char *typed)
{
	puts("words");
	for (size_t i = 0; i < usage->option_count; i++) {
		if (begins_with(usage->options[i].name, typed))
			print_word(usage->options[i].name, usage->options[i].help);
	}
	if (begins_with("--help", typed))
		print_word("--help", "this text");
}

/* Where a command line is when the current word begins. */
struct place {
	const char *path;                 /* the first argument, or NULL */
	size_t arguments;                 /* before the current word */
	bool options_ended;               /* by "--" */
	const struct cli_option *awaited; /* whose value the current word is, or NULL */
};

static struct place find_place(const struct cli_usage *usage, const struct line *line)
{
	struct place place = {.path = NULL};

	for (size_t i = 0; i + 1 < line->count; i++) {
		const char *word = line->words[i];
		if (place.awaited) {
			place.awaited = NULL;
		} else if (!place.options_ended && strcmp(word, "--") == 0) {
			place.options_ended = true;
		} else if (!place.options_ended && word[0] == '-' && word[1]) {
			const struct cli_option *option = find_option(usage, word);
			if (option && option->kind != CLI_FLAG && !strchr(word, '='))
				place.awaited = option;
		} else {
			if (place.arguments++ == 0)
				place.path = word;
		}
	}
	return place;
}

static void complete_value(const struct cli_option *option, const struct place *place,
			   const char *word, const char *value)
{
	if (strcmp(option->name, "--match") == 0)
		complete_name(place->path, value,
			      (struct names_output){word, (size_t)(value - word), true});
	else
		puts("words"); /* which are not known here */
}

static void complete_shell(const char *typed)
{
	static const char *const shells[] = {"bash", "zsh", "fish"};

	puts("words");
	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		if (begins_with(shells[i], typed))
			puts(shells[i]);
	}
}

/* A cli_usage_visitor. */
static void complete_argument(void *context, const struct cli_usage *usage)
{
	const struct line *line = context;
	const struct place place = find_place(usage, line);
	const char *word = line->current;
	const bool takes_name = strcmp(usage->command, "cat") == 0 ||
				(strcmp(usage->command, "show") == 0 && place.arguments == 1);

	if (place.awaited) {
		complete_value(place.awaited, &place, word, word);
		return;
	}
	if (!place.options_ended && word[0] == '-') {
		const char *equals = strchr(word, '=');
		const struct cli_option *option = find_option(usage, word);
		if (!equals)
			complete_option(usage, word);
		else if (option)
			complete_value(option, &place, word, equals + 1);
		return;
	}
	if (takes_name && place.arguments)
		complete_name(place.path, word, (struct names_output){"", 0, place.options_ended});
	else if (strcmp(usage->command, "completion") == 0)
		complete_shell(word);
	else
		puts("files");
}

/* ------------------------------------------------------------------------------------- commands */

static void complete_command(const char *typed, const struct command *commands, size_t count,
			     bool or_path)
{
	bool found = false;

	for (size_t i = 0; i < count && !found; i++)
		found = begins_with(commands[i].name, typed);
	puts(found || !or_path ? "words" : "files");
	for (size_t i = 0; i < count && found; i++) {
		if (begins_with(commands[i].name, typed))
			print_word(commands[i].name, commands[i].summary);
	}
}

int complete_words(int argc, char **argv, const struct command *commands, size_t command_count)
{
	struct line line = {.words = argv + 2};

	if (argc < 2)
		return CLI_DONE;
	line.current = argv[argc - 1];
	line.count = (size_t)argc - 2;
	if (argc == 2) {
		complete_command(line.current, commands, command_count, true);
		return CLI_DONE;
	}
	if (strcmp(argv[1], "help") == 0) {
		complete_command(line.current, commands, command_count, false);
		return CLI_DONE;
	}
	for (size_t i = 0; i < command_count; i++) {
		if (strcmp(commands[i].name, argv[1]) != 0)
			continue;
		cli_visit_usage(commands[i].run, complete_argument, &line);
		return CLI_DONE;
	}
	puts("files");
	return CLI_DONE;
}
