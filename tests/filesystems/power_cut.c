/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Power cuts on a real file system.
 *
 *     power_cut TYPE DEVICE IMAGE FOLDER [--random N] [--seed N] [--size BYTES]
 *     power_cut TYPE DEVICE IMAGE FOLDER --control
 *
 * DEVICE is a loop device over IMAGE with a file system of that TYPE, FOLDER where it is mounted,
 * here, once for every cut. A child saves; the power is cut before and after each fsync of each
 * kind of save, new and over an older one, and N times at random; the file system is mounted again,
 * swept and read. What is found has to be the old or the new checkpoint, whole; never older than
 * the last that was said to be durable; and nothing beside it. Before it is swept nothing may be
 * torn; a TensorFlow prefix may be absent.
 *
 * ext4 and XFS are cut by FS_IOC_SHUTDOWN, with and without the journal flushed. Btrfs has none
 * before Linux 6.19: the child is stopped and the image copied as it is; the mounted one is thrown
 * away. Random moments are left out there: the copy would not be of one moment.
 *
 * After a cut the child goes on: what it says then counts, since a file system may shut itself down
 * under a save. (XFS lets the fsync of a folder succeed then; publish.c looks again.)
 *
 * The control does nothing at fsync, and has to fail: else this program could find nothing.
 *
 * Needs root and a mount namespace of its own: tests/filesystems/run makes both.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/filesystems/saves.h"

#define SHUTDOWN             _IOR('X', 125, uint32_t)
#define SHUTDOWN_FLUSHED     1u /* the journal is written first, data are not */
#define SHUTDOWN_NOT_FLUSHED 2u
#define FLUSH_BLOCK_DEVICE   _IO(0x12, 97)

#define COPY_SIZE          ((size_t)1 << 20)
#define RANDOM_DELAY_US    40000
#define FAILURES_PRINT_MAX 10
#define FSYNCS_MAX         64

struct run {
	const char *type;
	const char *device;
	const char *image;
	const char *folder;
	char snapshot[SAVES_PATH_SIZE];
	bool by_copy;
	bool is_control;
	uint64_t random_cuts;
	uint64_t size;
	uint64_t seed;
	uint64_t acknowledged[SAVE_KINDS]; /* at least this generation has to be there */
	uint64_t begun[SAVE_KINDS];        /* at most this one */
	uint64_t next;                     /* a generation that was never begun */
	uint64_t cuts;
	uint64_t failed;
	uint64_t found_new;
	uint64_t found_old;
	uint64_t absent; /* until the sweep */
};

static _Noreturn void give_up(const char *what)
{
	printf("power_cut: %s: %s\n", what, strerror(errno));
	exit(2);
}

__attribute__((format(printf, 2, 3))) static void fail(struct run *run, const char *format, ...)
{
	va_list arguments;

	if (run->failed++ >= FAILURES_PRINT_MAX)
		return;
	va_start(arguments, format);
	printf("FAILED %s: ", run->type);
	vprintf(format, arguments);
	putchar('\n');
	va_end(arguments);
}

/* ------------------------------------------------------------------------------------- messages */

/* From the child. */
struct message {
	uint64_t generation;
	char what; /* 'b' begun, 'a' acknowledged, 'c' the power is being cut, 'f' failed */
	char text[200];
};

static void say(int fd, char what, uint64_t generation, const char *text)
{
	struct message message = {.generation = generation, .what = what};

	snprintf(message.text, sizeof(message.text), "%.*s", (int)sizeof(message.text) - 1, text);
	if (write(fd, &message, sizeof(message)) != (ssize_t)sizeof(message))
		_exit(3);
}

/* ------------------------------------------------------------------------------- chosen moments */

enum moment {
	MOMENT_NONE,
	MOMENT_BEFORE,
	MOMENT_AFTER
};

/* In the child: what to do at which call of fsync. */
static struct {
	enum moment moment;
	int countdown;
	int folder;     /* to shut down; -1: stop here and be killed */
	uint32_t flags; /* of the shutdown */
	int messages;
	bool without_fsync; /* a control: it does nothing, and that has to be found */
} plan;

static void cut(void)
{
	say(plan.messages, 'c', 0, "");
	while (plan.folder < 0)
		pause();
	if (ioctl(plan.folder, SHUTDOWN, &plan.flags) != 0)
		_exit(4);
}

/* Takes the place of the C library's, in the static libcairn too. */
int fsync(int fd)
{
	const bool now = plan.moment != MOMENT_NONE && --plan.countdown == 0;
	int result;
	int reason;

	if (now && plan.moment == MOMENT_BEFORE)
		cut();
	result = plan.without_fsync ? 0 : (int)syscall(SYS_fsync, fd);
	reason = errno;
	if (now && plan.moment == MOMENT_AFTER)
		cut();
	errno = reason;
	return result;
}

/* ------------------------------------------------------------------------------------- mounting */

static void mount_image(const struct run *run)
{
	const char *const options = run->by_copy ? "commit=300" : NULL;

	if (mount(run->device, run->folder, run->type, MS_NOATIME, options) != 0)
		give_up("mount");
}

static void unmount_image(const struct run *run)
{
	for (int i = 0; i < 100 && umount2(run->folder, 0) != 0; i++) {
		if (errno != EBUSY)
			give_up("umount");
		usleep(10000);
	}
}

/* Copies the parts of a file that hold something. */
static void copy_image(const char *from_path, const char *to_path)
{
	const int from = open(from_path, O_RDONLY | O_CLOEXEC);
	const int to = open(to_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	const off_t size = from < 0 ? -1 : lseek(from, 0, SEEK_END);
	char *const buffer = malloc(COPY_SIZE);
	off_t at = 0;

	if (size < 0 || to < 0 || buffer == NULL || ftruncate(to, 0) != 0 ||
	    ftruncate(to, size) != 0)
		give_up("copying the image");
	while (at < size && (at = lseek(from, at, SEEK_DATA)) >= 0) {
		const off_t end = lseek(from, at, SEEK_HOLE);

		while (at < end) {
			const size_t left = (size_t)(end - at);
			const ssize_t got = pread(from, buffer, left < COPY_SIZE ? left : COPY_SIZE,
						  at);

			if (got <= 0 || pwrite(to, buffer, (size_t)got, at) != got)
				give_up("copying the image");
			at += got;
		}
	}
	free(buffer);
	close(from);
	close(to);
}

/* The device forgets what it knows of the image, which becomes the copy. */
static void restore_image(const struct run *run)
{
	const int device = open(run->device, O_RDWR | O_CLOEXEC);

	copy_image(run->snapshot, run->image);
	if (device < 0 || ioctl(device, FLUSH_BLOCK_DEVICE, 0) != 0)
		give_up("flushing the device");
	close(device);
}

static void shut_down(const struct run *run, uint32_t flags)
{
	const int folder = open(run->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (folder < 0 || ioctl(folder, SHUTDOWN, &flags) != 0)
		give_up("FS_IOC_SHUTDOWN");
	close(folder);
}

/* ------------------------------------------------------------------------------------ the child */

static _Noreturn void save_on(const struct run *run, enum save_kind kind, bool once, int messages)
{
	const enum moment moment = plan.moment;
	struct cairn_error error = {.code = CAIRN_OK};
	uint64_t generation = run->next;

	plan.messages = messages;
	do {
		enum cairn_status status;

		plan.moment = MOMENT_NONE; /* sources are saved as kinds of their own are */
		status = save_sources(run->folder, kind, generation, run->size, &error);
		plan.moment = moment;
		say(messages, 'b', generation, "");
		if (status == CAIRN_OK)
			status = save_generation(run->folder, kind, generation, run->size, &error);
		if (status != CAIRN_OK) {
			say(messages, 'f', generation, error.message);
			_exit(1);
		}
		say(messages, 'a', generation, "");
		generation++;
	} while (!once);
	_exit(0);
}

static pid_t start_child(const struct run *run, enum save_kind kind, bool once, int *messages)
{
	int ends[2];
	pid_t child;

	fflush(stdout);
	if (pipe2(ends, O_CLOEXEC) != 0 || (child = fork()) < 0)
		give_up("fork");
	if (child == 0) {
		close(ends[0]);
		save_on(run, kind, once, ends[1]);
	}
	plan.moment = MOMENT_NONE; /* it is the child's */
	close(ends[1]);
	*messages = ends[0];
	return child;
}

static void note(struct run *run, enum save_kind kind, const struct message *message)
{
	if (message->what == 'b') {
		run->begun[kind] = message->generation;
		run->next = message->generation + 1;
	} else if (message->what == 'a') {
		run->acknowledged[kind] = message->generation;
	}
}

static bool next_message(int messages, struct message *message)
{
	ssize_t got;

	do {
		got = read(messages, message, sizeof(*message));
	} while (got < 0 && errno == EINTR);
	return got == (ssize_t)sizeof(*message);
}

static bool is_waiting(int messages)
{
	struct pollfd wait = {.fd = messages, .events = POLLIN};

	return poll(&wait, 1, 0) == 1 && (wait.revents & POLLIN) != 0;
}

/* ------------------------------------------------------------------------------------ the check */

static void check_kind(struct run *run, enum save_kind kind, const char *moment)
{
	struct cairn_error error = {.code = CAIRN_OK};
	uint64_t found = 0;

	if (!save_recognise(run->folder, kind, &found, &error)) {
		fail(run, "%s, %s: %s", save_kind_name(kind), moment, error.message);
		save_remove(run->folder, kind, NULL);
		found = 0;
	} else if (found != run->begun[kind] && found != run->acknowledged[kind] &&
		   (found < run->acknowledged[kind] || found > run->begun[kind])) {
		fail(run, "%s, %s: generation %llu is there, %llu was durable, %llu begun",
		     save_kind_name(kind), moment, (unsigned long long)found,
		     (unsigned long long)run->acknowledged[kind],
		     (unsigned long long)run->begun[kind]);
	} else if (run->begun[kind] != run->acknowledged[kind]) {
		run->found_new += found == run->begun[kind];
		run->found_old += found != run->begun[kind];
	}
	run->begun[kind] = run->acknowledged[kind] = found;
}

/* Before anything is swept: whole, or what may be, not there; which one it is is judged later. */
static void check_as_found(struct run *run, enum save_kind kind, const char *moment)
{
	struct cairn_error error = {.code = CAIRN_OK};
	uint64_t found = 0;

	if (!save_recognise(run->folder, kind, &found, &error)) {
		fail(run, "%s, %s, before the sweep: %s", save_kind_name(kind), moment,
		     error.message);
	} else if (found == 0 && run->acknowledged[kind] != 0) {
		run->absent++;
		if (!save_may_be_absent(kind))
			fail(run, "%s, %s, before the sweep: it is gone", save_kind_name(kind),
			     moment);
	}
}

/* After the cut: mounts again, sweeps, reads everything. It stays mounted. */
static void check(struct run *run, const char *moment)
{
	struct cairn_error error = {.code = CAIRN_OK};
	run->cuts++;
	mount_image(run);
	for (enum save_kind kind = 0; kind < SAVE_KINDS; kind++)
		check_as_found(run, kind, moment);
	if (cairn_sweep(run->folder, NULL, &error) != CAIRN_OK)
		fail(run, "%s: sweep: %s", moment, error.message);
	for (enum save_kind kind = 0; kind < SAVE_KINDS; kind++)
		check_kind(run, kind, moment);
	if (save_leftovers(run->folder, NULL, &error) != 0)
		fail(run, "%s: %s", moment, error.message);
}

/* Ends the child and the mount, and brings back what the disk held. */
static void power_off(const struct run *run, pid_t child, bool copied)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	unmount_image(run);
	if (copied)
		restore_image(run);
}

/* -------------------------------------------------------------------------------------- cutting */

/* One save with a cut at a chosen fsync. False when it had not that many: then the cut came when it
 * was done. */
static bool cut_chosen(struct run *run, enum save_kind kind, const char *moment)
{
	const uint32_t flags = plan.flags;
	struct message message;
	bool was_cut = false;
	int messages;
	pid_t child;

	plan.folder = run->by_copy ? -1 : open(run->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	child = start_child(run, kind, true, &messages);
	if (plan.folder >= 0)
		close(plan.folder);
	while (next_message(messages, &message)) {
		note(run, kind, &message);
		if (message.what == 'f' && !was_cut)
			fail(run, "%s, %s, not cut: %s", save_kind_name(kind), moment,
			     message.text);
		if (message.what != 'c')
			continue;
		was_cut = true;
		if (run->by_copy) {
			copy_image(run->image, run->snapshot);
			kill(child, SIGKILL);
		}
	}
	close(messages);
	if (!was_cut && run->by_copy)
		copy_image(run->image, run->snapshot);
	else if (!was_cut)
		shut_down(run, flags);
	power_off(run, child, run->by_copy);
	check(run, moment);
	return was_cut;
}

static void cut_at_each_fsync(struct run *run, enum save_kind kind, bool over, enum moment when,
			      uint32_t flags)
{
	bool was_cut = true;

	for (int call = 1; was_cut && call <= FSYNCS_MAX; call++) {
		char moment[80];

		if (!over) {
			struct cairn_error error = {.code = CAIRN_OK};

			if (save_remove(run->folder, kind, &error) != CAIRN_OK)
				fail(run, "removal: %s", error.message);
			run->acknowledged[kind] = run->begun[kind] = 0;
		}
		snprintf(moment, sizeof(moment), "%s, cut %s fsync %d%s", over ? "over" : "new",
			 when == MOMENT_BEFORE ? "before" : "after", call,
			 run->by_copy                ? ""
			 : flags == SHUTDOWN_FLUSHED ? ", journal flushed"
						     : ", nothing flushed");
		plan.moment = when;
		plan.countdown = call;
		plan.flags = flags;
		was_cut = cut_chosen(run, kind, moment);
	}
}

static void cut_everywhere(struct run *run)
{
	const uint32_t last = run->by_copy ? SHUTDOWN_FLUSHED : SHUTDOWN_NOT_FLUSHED;

	for (enum save_kind kind = 0; kind < SAVE_KINDS; kind++) {
		for (int over = 0; over <= 1; over++) {
			for (uint32_t flags = SHUTDOWN_FLUSHED; flags <= last; flags++) {
				cut_at_each_fsync(run, kind, over, MOMENT_BEFORE, flags);
				cut_at_each_fsync(run, kind, over, MOMENT_AFTER, flags);
			}
		}
	}
}

/* Without fsync, damage has to be found in each of these. */
static void cut_control(struct run *run)
{
	static const enum save_kind kinds[] = {SAVE_FILE, SAVE_PREFIX, SAVE_STATE};
	bool found_all = true;

	plan.without_fsync = true;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const uint64_t before = run->failed;

		cut_at_each_fsync(run, kinds[i], true, MOMENT_AFTER, SHUTDOWN_NOT_FLUSHED);
		if (run->failed == before)
			printf("control: nothing was wrong with %s\n", save_kind_name(kinds[i]));
		found_all = found_all && run->failed != before;
	}
	plan.without_fsync = false;
	if (!found_all)
		run->failed = 0;
}

/* xorshift64* */
static uint64_t random_below(struct run *run, uint64_t bound)
{
	run->seed ^= run->seed >> 12;
	run->seed ^= run->seed << 25;
	run->seed ^= run->seed >> 27;
	return (run->seed * UINT64_C(0x2545f4914f6cdd1d) >> 32) % bound;
}

static void cut_at_random(struct run *run, enum save_kind kind)
{
	const uint64_t delay = random_below(run, RANDOM_DELAY_US);
	const uint32_t flags = SHUTDOWN_FLUSHED + (uint32_t)random_below(run, 2);
	struct message message;
	char moment[80];
	int messages;
	pid_t child;

	snprintf(moment, sizeof(moment), "cut %s after %u us",
		 flags == SHUTDOWN_FLUSHED ? "with a flushed journal" : "at once",
		 (unsigned int)delay);
	child = start_child(run, kind, false, &messages);
	usleep((useconds_t)delay);
	while (is_waiting(messages) && next_message(messages, &message)) {
		note(run, kind, &message);
		if (message.what == 'f')
			fail(run, "%s, not cut: %s", save_kind_name(kind), message.text);
	}
	shut_down(run, flags);
	kill(child, SIGKILL);
	while (next_message(messages, &message))
		note(run, kind, &message);
	close(messages);
	power_off(run, child, false);
	check(run, moment);
}

/* ----------------------------------------------------------------------------------------- main */

static void parse(struct run *run, int argc, char **argv)
{
	const bool is_control = argc == 6 && strcmp(argv[5], "--control") == 0;

	if (argc < 5 || (argc % 2 == 0 && !is_control)) {
		puts("usage: power_cut TYPE DEVICE IMAGE FOLDER [--random N] [--seed N] "
		     "[--size BYTES] | --control");
		exit(2);
	}
	*run = (struct run){.type = argv[1],
			    .device = argv[2],
			    .image = argv[3],
			    .folder = argv[4],
			    .by_copy = strcmp(argv[1], "btrfs") == 0,
			    .random_cuts = 60,
			    .size = 200000,
			    .seed = 1,
			    .next = 1};
	run->is_control = is_control;
	for (int i = 5; i + 1 < argc; i += 2) {
		uint64_t *const value = strcmp(argv[i], "--random") == 0 ? &run->random_cuts
					: strcmp(argv[i], "--seed") == 0 ? &run->seed
					: strcmp(argv[i], "--size") == 0 ? &run->size
									 : NULL;

		if (value == NULL) {
			printf("power_cut: no such option: %s\n", argv[i]);
			exit(2);
		}
		*value = strtoull(argv[i + 1], NULL, 10);
	}
	run->seed = run->seed == 0 ? 1 : run->seed;
	snprintf(run->snapshot, sizeof(run->snapshot), "%s.cut", run->image);
}

static void report(const struct run *run)
{
	printf("%s: power cuts %llu, of saves not acknowledged %llu found old and %llu new, absent "
	       "until the sweep %llu, failed %llu\n",
	       run->type, (unsigned long long)run->cuts, (unsigned long long)run->found_old,
	       (unsigned long long)run->found_new, (unsigned long long)run->absent,
	       (unsigned long long)run->failed);
}

int main(int argc, char **argv)
{
	struct run run;

	parse(&run, argc, argv);
	mount_image(&run);
	if (run.is_control) {
		cut_control(&run);
	} else {
		cut_everywhere(&run);
		for (uint64_t i = 0; i < run.random_cuts && !run.by_copy; i++)
			cut_at_random(&run, (enum save_kind)(i % SAVE_KINDS));
	}
	unmount_image(&run);
	report(&run);
	return run.failed != 0;
}
