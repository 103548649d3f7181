/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Progress of long work, and how it is interrupted.
 *
 * The library installs no signal handlers; the tool does. Commands that only read may die at once.
 * A command that writes defers: the handler sets a flag, the next progress callback hands it to the
 * library, and the library aborts and removes what it had begun.
 */
#include "tools/progress.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/cli.h"
#include "tools/text.h"

#define SHOWN_AFTER_NS  UINT64_C(500000000)
#define DRAWN_EVERY_NS  UINT64_C(100000000)
#define BAR_COLUMNS     24
#define BAR_COLUMNS_MIN 70 /* of the terminal: narrower ones get no bar, just numbers */

static volatile sig_atomic_t interrupted;
static volatile sig_atomic_t deferred;

static void on_signal(int number)
{
	(void)number;
	if (!deferred)
		_exit(CLI_INTERRUPTED);
	interrupted = 1;
}

static void take_signal(int number, void (*handler)(int))
{
	struct sigaction action;
	struct sigaction before;

	memset(&action, 0, sizeof(action));
	sigemptyset(&action.sa_mask);
	action.sa_handler = handler;
	action.sa_flags = SA_RESTART;
	/* Who started the program with a signal ignored (nohup, a job in the background) meant it.
	 */
	if (sigaction(number, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
		sigaction(number, &action, NULL);
}

void progress_take_signals(void)
{
	take_signal(SIGPIPE, SIG_IGN);
	take_signal(SIGXFSZ, SIG_IGN);
	take_signal(SIGINT, on_signal);
	take_signal(SIGTERM, on_signal);
}

void progress_defer_signals(void)
{
	deferred = 1;
}

bool progress_interrupted(void)
{
	return interrupted != 0;
}

uint64_t progress_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

void progress_begin(struct progress *progress, const char *what)
{
	*progress = (struct progress){
		.what = what,
		.start = progress_clock(),
		.terminal = isatty(STDERR_FILENO) != 0,
	};
}

static void draw_bar(double share)
{
	const int filled = (int)(share * BAR_COLUMNS);

	fputs(" [", stderr);
	for (int i = 0; i < BAR_COLUMNS; i++)
		putc(i < filled ? '#' : ' ', stderr);
	putc(']', stderr);
}

static void draw_bytes(uint64_t done, uint64_t total, double seconds)
{
	char done_text[CLI_SIZE_SIZE];
	char total_text[CLI_SIZE_SIZE];
	char rate_text[CLI_SIZE_SIZE];

	fprintf(stderr, ", %s of %s, %s/s", cli_format_size((double)done, done_text),
		cli_format_size((double)total, total_text),
		cli_format_size((double)done / seconds, rate_text));
}

static void draw(const struct progress *progress, uint64_t now, uint64_t done, uint64_t total)
{
	const double share = total ? (double)done / (double)total : 0;

	fprintf(stderr, "\r%s", progress->what);
	if (text_terminal_width(stderr) >= BAR_COLUMNS_MIN)
		draw_bar(share > 1 ? 1 : share);
	fprintf(stderr, " %3.0f %%", share * 100);
	if (!progress->steps)
		draw_bytes(done, total, (double)(now - progress->start) / 1e9);
	fputs("\033[K", stderr);
	fflush(stderr);
}

int progress_update(void *context, uint64_t done, uint64_t total)
{
	struct progress *progress = context;
	const uint64_t now = progress_clock();

	if (progress->terminal && now - progress->start >= SHOWN_AFTER_NS &&
	    now - progress->drawn >= DRAWN_EVERY_NS) {
		draw(progress, now, done, total);
		progress->drawn = now;
	}
	return progress_interrupted();
}

void progress_end(struct progress *progress)
{
	if (progress->drawn)
		fputs("\r\033[K", stderr);
	fflush(stderr);
	progress->drawn = 0;
}
