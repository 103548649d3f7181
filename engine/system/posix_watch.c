/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inotify: to be told that a directory changed. What changed is not asked: whoever waits looks for
 * himself, so that events may be lost or too many.
 */
#include "engine/system/posix_watch.h"

#include <errno.h>
#include <stdalign.h>
#include <time.h>

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#define NS_PER_SECOND 1000000000u

int posix_watch(struct system *system, const char *path)
{
	const uint32_t events = IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE_SELF |
				IN_MOVE_SELF | IN_ONLYDIR;
	const int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	int result;

	(void)system;
	if (watch < 0)
		return -errno;
	if (inotify_add_watch(watch, path, events) < 0) {
		result = -errno;
		close(watch);
		return result;
	}
	return watch;
}

/* Takes all events out. ENOENT when one of them says that the directory is gone. */
static int drain(int watch)
{
	alignas(struct inotify_event) char buffer[4096];
	int result = 1;
	ssize_t size;

	while ((size = read(watch, buffer, sizeof(buffer))) > 0) {
		const char *at = buffer;

		while (at < buffer + size) {
			const struct inotify_event *const event = (const void *)at;

			if ((event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED)) != 0)
				result = -ENOENT;
			at += sizeof(*event) + event->len;
		}
	}
	return result;
}

int posix_watch_wait(struct system *system, int watch, uint64_t nanoseconds)
{
	struct pollfd waiting = {.fd = watch, .events = POLLIN};
	const struct timespec limit = {.tv_sec = (time_t)(nanoseconds / NS_PER_SECOND),
				       .tv_nsec = (long)(nanoseconds % NS_PER_SECOND)};
	const int count = ppoll(&waiting, 1, &limit, NULL);

	(void)system;
	if (count < 0)
		return errno == EINTR ? 1 : -errno;
	if (count == 0)
		return 0;
	return (waiting.revents & POLLIN) != 0 ? drain(watch) : -EIO;
}
