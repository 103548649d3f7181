/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Benchmarks of libcairn, each figure beside what the machine can do.
 *
 *     limits   memory, digests and disk of this machine, without Cairn
 *     open     open, find and iterate with 1,000, 100,000 and 1,000,000 tensors
 *     view     first view, touch and copy of a cached 0.5 GB file; no system calls
 *     plan     the same to buffers, and cold to the page cache, by all processors
 *     stats    extremes, mean and NaN of 256 MB beside XXH3 and memcpy
 *     save     durable save of 0.5 GB beside raw O_DIRECT writes, by 1 to 4 threads
 *     formats  the same bytes to other formats, beside raw O_DIRECT writes
 *     lz4      a compressed tensor of 256 MB beside liblz4 alone
 *     merge    64 containers of 10,000 tensors merged; a sharded save by two processes
 *     merge-tf 64 TensorFlow checkpoints of 1,000 tensors merged
 *     diff     two checkpoints of 100,000 tensors by digest, two of 0.5 GB by reading
 *     completion  names of a container of 1,000,000 tensors, by a process of the tool
 *     memory   private memory while 8 GB are held as views
 *
 * Nothing in here is a test.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bench/bench.h"

#if !defined(CAIRN_BUILD_FLAGS)
# define CAIRN_BUILD_FLAGS ""
#endif

static const struct {
	const char *name;
	void (*run)(struct bench *bench);
} cases[] = {
	{"limits", case_limits},   {"open", case_open},   {"view", case_view},
	{"plan", case_plan},       {"stats", case_stats}, {"save", case_save},
	{"formats", case_formats}, {"merge", case_merge}, {"merge-tf", case_merge_tf},
	{"diff", case_diff},       {"lz4", case_lz4},     {"completion", case_completion},
	{"memory", case_memory},
};

#define CASE_COUNT (sizeof(cases) / sizeof(cases[0]))

struct command {
	bool chosen[CASE_COUNT];
	bool any;
	bool clean;
	const char *folder;
};

/* --------------------------------------------------------------------------------- command line */

static const char usage_text[] =
	"usage: bench_cairn [CASE...] [options]\n"
	"\n"
	"Cases (all when none is named): limits open view stats save formats merge merge-tf\n"
	"diff memory lz4\n"
	"Cases (all when none is named): limits open view plan stats save formats merge\n"
	"merge-tf diff memory\n"
	"  --scratch DIR  where files are made; default /var/tmp. Needs 3 GB; memory: 12 GB\n"
	"  --size GIB     of what case memory restores; default 8\n"
	"  --quick        fewer rounds, smaller files\n"
	"  --json         one object; samples in nanoseconds or bytes\n"
	"  --clean        remove the files that earlier runs left in the scratch folder\n";

static _Noreturn void usage_error(const char *what, const char *argument)
{
	fprintf(stderr, "bench_cairn: %s '%s'; see --help\n", what, argument);
	exit(2);
}

static void choose(struct command *command, const char *name)
{
	for (size_t i = 0; i < CASE_COUNT; i++) {
		if (strcmp(cases[i].name, name) == 0) {
			command->chosen[i] = true;
			command->any = true;
			return;
		}
	}
	usage_error("no such case or option:", name);
}

static uint64_t parse_size(const char *text)
{
	char *end;
	const unsigned long long gib = strtoull(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || gib == 0 || gib > 4096)
		usage_error("not a size in GiB:", text);
	return (uint64_t)gib << 30;
}

static bool take_flag(struct bench *bench, struct command *command, const char *argument)
{
	if (strcmp(argument, "--json") == 0)
		bench->json = true;
	else if (strcmp(argument, "--quick") == 0)
		bench->quick = true;
	else if (strcmp(argument, "--clean") == 0)
		command->clean = true;
	else
		return false;
	return true;
}

static void parse(struct bench *bench, struct command *command, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *const argument = argv[i];
		const bool has_value = strcmp(argument, "--scratch") == 0 ||
				       strcmp(argument, "--size") == 0;

		if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
			fputs(usage_text, stdout);
			exit(0);
		}
		if (has_value && i + 1 == argc)
			usage_error("a value is missing after", argument);
		if (strcmp(argument, "--scratch") == 0)
			command->folder = argv[++i];
		else if (has_value)
			bench->memory_size = parse_size(argv[++i]);
		else if (!take_flag(bench, command, argument))
			choose(command, argument);
	}
}

/* -------------------------------------------------------------------------------------- scratch */

static void open_scratch(struct bench *bench, const char *folder)
{
	const int length = snprintf(bench->scratch, sizeof(bench->scratch), "%s/cairn-bench-%u",
				    folder, (unsigned int)geteuid());
	struct stat facts;

	if (length < 0 || (size_t)length >= sizeof(bench->scratch))
		usage_error("too long a path:", folder);
	if (mkdir(bench->scratch, 0700) != 0 && errno != EEXIST)
		bench_fail("%s: %s", bench->scratch, strerror(errno));
	if (lstat(bench->scratch, &facts) != 0 || !S_ISDIR(facts.st_mode) ||
	    facts.st_uid != geteuid())
		bench_fail("%s is not a folder of this user's", bench->scratch);
}

static void clean_scratch(const struct bench *bench)
{
	static const char *const names[] = {
		"open-1000.cairn",
		"open-100000.cairn",
		"open-1000000.cairn",
		"model.cairn",
		"saved.cairn",
		"written",
		"raw",
		"stats.cairn",
		"large.cairn",
		"raw-0",
		"raw-1",
		"diff-a.cairn",
		"diff-b.cairn",
		"diff.safetensors",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		scratch_remove(scratch_path(bench, names[i]).text);
	for (unsigned int i = 0; i < 64; i++) {
		char name[32];

		snprintf(name, sizeof(name), "merge-%02u.cairn", i);
		scratch_remove(scratch_path(bench, name).text);
	}
	scratch_remove_checkpoint(scratch_path(bench, "merged").text);
	scratch_remove_checkpoint(scratch_path(bench, "sharded").text);
	if (rmdir(bench->scratch) != 0)
		bench_fail("%s: %s", bench->scratch, strerror(errno));
}

/* -------------------------------------------------------------------------------------- machine */

/* The value of the first line of a file of /proc that begins with `label`; quotes would spoil JSON.
 */
static void read_fact(const char *path, const char *label, char *value, size_t size)
{
	FILE *const file = fopen(path, "r");
	char line[256];

	snprintf(value, size, "unknown");
	while (file && fgets(line, sizeof(line), file)) {
		const char *const colon = strchr(line, ':');

		if (strncmp(line, label, strlen(label)) != 0)
			continue;
		snprintf(value, size, "%s", *label && colon ? colon + 2 : line);
		break;
	}
	if (file)
		fclose(file);
	value[strcspn(value, "\n")] = '\0';
	for (char *at = value; *at; at++)
		*at = *at == '"' || *at == '\\' || *at < ' ' ? ' ' : *at;
}

static void print_machine(const struct bench *bench)
{
	const long processors = sysconf(_SC_NPROCESSORS_ONLN);
	const double gib = (double)proc_bytes("/proc/meminfo", "MemTotal:") / (1 << 30);
	struct utsname system = {.sysname = "?"};
	char model[256];
	char load[256];

	uname(&system);
	read_fact("/proc/cpuinfo", "model name", model, sizeof(model));
	read_fact("/proc/loadavg", "", load, sizeof(load));
	printf(bench->json ? "{\"machine\":{\"processor\":\"%s\",\"processors\":%ld,"
			     "\"memory_gib\":%.1f,\"kernel\":\"%s %s\",\"load\":\"%s\"},\n"
			   : "machine   %s, %ld processors, %.1f GiB\n"
			     "kernel    %s %s\n"
			     "load      %s\n",
	       model, processors, gib, system.sysname, system.release, load);
}

static void print_build(const struct bench *bench)
{
	printf(bench->json ? "\"build\":{\"version\":\"%s\",\"compiler\":\"%s\",\"type\":\"%s\","
			     "\"flags\":\"%s\"},\n\"scratch\":\"%s\",\n\"figures\":["
			   : "build     cairn %s, %s, %s %s\n"
			     "scratch   %s\n",
	       cairn_version(), CAIRN_BUILD_COMPILER, CAIRN_BUILD_TYPE, CAIRN_BUILD_FLAGS,
	       bench->scratch);
	if (!bench->json)
		puts("Files are in the page cache and medians are of n rounds, unless said "
		     "otherwise.\n"
		     "A share is of the limit's speed, median of the pairs (and quartiles): a "
		     "figure and its\n"
		     "limit are measured in turn. ok, short; noise: the limit spreads wider than "
		     "the share\n"
		     "is away from the target.");
	fflush(stdout);
}

/* ------------------------------------------------------------------------------------------ run */

static void run_cases(struct bench *bench, const struct command *command)
{
	for (size_t i = 0; i < CASE_COUNT; i++) {
		if (command->any && !command->chosen[i])
			continue;
		bench_say("%s ...", cases[i].name);
		bench->case_name = cases[i].name;
		bench->printed = 0;
		cases[i].run(bench);
	}
}

int main(int argc, char **argv)
{
	struct bench bench = {.json = false};
	struct command command = {.folder = "/var/tmp"};
	const char *const unfit = timer_unfit();

	parse(&bench, &command, argc, argv);
	open_scratch(&bench, command.folder);
	if (command.clean) {
		clean_scratch(&bench);
		return 0;
	}
	if (unfit)
		bench_fail("this program reports nothing: %s", unfit);
	print_machine(&bench);
	print_build(&bench);
	run_cases(&bench, &command);
	if (bench.json)
		puts("\n]}");
	return 0;
}
