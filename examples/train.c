/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A training loop that may be killed at any moment, and goes on where it was.
 *
 *     train [--tensorflow] [--steps N] FOLDER
 *     train [--tensorflow] [--steps N] --kill SEED FOLDER
 *
 * Logistic regression with momentum, on data that are made up as they are needed. Everything that
 * the next step depends on is in the checkpoint: weights, velocities, the step, and the state of
 * the generator that draws samples. So a run that was killed ends with the same bits as one that
 * was not.
 *
 * With --kill it tries that: it trains in FOLDER/undisturbed, then in FOLDER/killed in a process
 * that it kills after random times and starts again, and compares the two last checkpoints. With
 * --tensorflow checkpoints are in TensorFlow's format: tf.train.load_checkpoint(FOLDER) reads them.
 */
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cairn/cairn.h>

enum {
	FEATURES = 24,
	BATCH = 32,
	EVALUATED = 256, /* samples, for the loss */
	SAVE_INTERVAL = 20,
	KILLS_MAX = 20
};

#define STEPS_DEFAULT 1000
#define RATE          0.05f
#define MOMENTUM      0.9f

struct model {
	float weights[FEATURES];
	float bias;
	float weight_velocity[FEATURES];
	float bias_velocity;
	int64_t step;
	int64_t sampler; /* state of a generator */
};

struct settings {
	const char *folder;
	int64_t steps;
	bool as_tensorflow;
	bool kills;
	uint64_t seed;
};

static int failed(const char *what, const struct cairn_error *error)
{
	fprintf(stderr, "train: %s: %s\n", what, error->message);
	return 1;
}

/* ------------------------------------------------------------------------------------- training */

/* splitmix64: the state is a counter. */
static uint64_t random_bits(uint64_t *state)
{
	uint64_t bits = *state += UINT64_C(0x9e3779b97f4a7c15);

	bits = (bits ^ bits >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	bits = (bits ^ bits >> 27) * UINT64_C(0x94d049bb133111eb);
	return bits ^ bits >> 31;
}

/* From -1 to 1. */
static float random_float(uint64_t *state)
{
	return (float)(random_bits(state) >> 40) / (float)(1 << 23) - 1.0f;
}

/* Sample `number`: its features, and whether they lie on the one side of a plane. */
static float make_sample(uint64_t number, float features[FEATURES])
{
	uint64_t state = number * UINT64_C(0xd1342543de82ef95);
	float sum = 0.1f;

	for (int i = 0; i < FEATURES; i++) {
		features[i] = random_float(&state);
		sum += features[i] * (i % 2 == 0 ? 1.0f : -0.5f) * (float)(i + 1) / FEATURES;
	}
	return sum > 0 ? 1.0f : 0.0f;
}

static float predict(const struct model *model, const float features[FEATURES])
{
	float sum = model->bias;

	for (int i = 0; i < FEATURES; i++)
		sum += model->weights[i] * features[i];
	return 1.0f / (1.0f + expf(-sum));
}

static void train_step(struct model *model)
{
	uint64_t sampler = (uint64_t)model->sampler;
	float gradient[FEATURES] = {0};
	float bias_gradient = 0;

	for (int sample = 0; sample < BATCH; sample++) {
		float features[FEATURES];
		const float label = make_sample(random_bits(&sampler), features);
		const float difference = (predict(model, features) - label) / BATCH;

		for (int i = 0; i < FEATURES; i++)
			gradient[i] += difference * features[i];
		bias_gradient += difference;
	}
	for (int i = 0; i < FEATURES; i++) {
		model->weight_velocity[i] = MOMENTUM * model->weight_velocity[i] + gradient[i];
		model->weights[i] -= RATE * model->weight_velocity[i];
	}
	model->bias_velocity = MOMENTUM * model->bias_velocity + bias_gradient;
	model->bias -= RATE * model->bias_velocity;
	model->sampler = (int64_t)sampler;
	model->step++;
}

static double loss_of(const struct model *model)
{
	double sum = 0;

	for (uint64_t sample = 0; sample < EVALUATED; sample++) {
		float features[FEATURES];
		const float label = make_sample(sample, features);
		const double likelihood = label > 0 ? predict(model, features)
						    : 1 - predict(model, features);

		sum -= log(likelihood + 1e-9);
	}
	return sum / EVALUATED;
}

/* ----------------------------------------------------------------------------------- checkpoint */

/* A variable that is the program's memory becomes a child of `parent`. */
static enum cairn_status add(struct cairn_object *parent, const char *name, enum cairn_dtype dtype,
			     uint64_t count, void *data, struct cairn_error *error)
{
	const struct cairn_variable variable = {
		.dtype = dtype, .rank = count == 1 ? 0 : 1, .dims = &count, .data = data};
	struct cairn_object *object = NULL;
	enum cairn_status status;

	status = cairn_object_create_variable(&variable, name, &object, error);
	if (status == CAIRN_OK)
		status = cairn_object_set(parent, name, object, error);
	cairn_object_release(object);
	return status;
}

/* model/weights, model/bias, optimizer/weights, optimizer/bias, step, sampler */
static enum cairn_status make_checkpoint(struct model *model, struct cairn_checkpoint **checkpoint,
					 struct cairn_error *error)
{
	struct cairn_object *parts[3] = {NULL, NULL, NULL};
	enum cairn_status status = CAIRN_OK;

	for (int i = 0; i < 3 && status == CAIRN_OK; i++)
		status = cairn_object_create(CAIRN_OBJECT_MODULE, &parts[i], error);
	if (status == CAIRN_OK &&
	    (status = add(parts[0], "weights", CAIRN_F32, FEATURES, model->weights, error)) ==
		    CAIRN_OK &&
	    (status = add(parts[0], "bias", CAIRN_F32, 1, &model->bias, error)) == CAIRN_OK &&
	    (status = add(parts[1], "weights", CAIRN_F32, FEATURES, model->weight_velocity,
			  error)) == CAIRN_OK &&
	    (status = add(parts[1], "bias", CAIRN_F32, 1, &model->bias_velocity, error)) ==
		    CAIRN_OK &&
	    (status = add(parts[2], "step", CAIRN_I64, 1, &model->step, error)) == CAIRN_OK)
		status = add(parts[2], "sampler", CAIRN_I64, 1, &model->sampler, error);
	if (status == CAIRN_OK) {
		const struct cairn_named_object objects[] = {
			{"model", parts[0]}, {"optimizer", parts[1]}, {"loop", parts[2]}};

		status = cairn_checkpoint_create(NULL, objects, 3, checkpoint, error);
	}
	for (int i = 0; i < 3; i++)
		cairn_object_release(parts[i]);
	return status;
}

static enum cairn_status make_manager(const struct settings *settings, const struct model *model,
				      struct cairn_checkpoint *checkpoint,
				      const struct cairn_checkpoint_write_options *write_options,
				      struct cairn_manager **manager, struct cairn_error *error)
{
	const struct cairn_manager_options options = {
		.flags = CAIRN_MANAGER_ASYNC | CAIRN_MANAGER_EXCLUSIVE | CAIRN_MANAGER_FALL_BACK |
			 CAIRN_MANAGER_LOWER_IS_BETTER,
		.step_counter = &model->step,
		.checkpoint_interval = SAVE_INTERVAL,
		.keep_best = 1,
		.write_options = write_options};

	return cairn_manager_create(checkpoint, settings->folder, 3, &options, manager, error);
}

/* ------------------------------------------------------------------------------------- the loop */

static enum cairn_status loop(const struct settings *settings, struct model *model,
			      struct cairn_manager *manager, struct cairn_error *error)
{
	const char *path = NULL;
	enum cairn_status status = cairn_manager_restore_or_initialize(manager, &path, error);

	if (status == CAIRN_OK && path != NULL)
		printf("going on from %s, step %" PRId64 "\n", path, model->step);
	while (status == CAIRN_OK && model->step < settings->steps) {
		struct cairn_manager_save_options options = {.has_metric = 1};

		train_step(model);
		if (model->step % SAVE_INTERVAL != 0 && model->step != settings->steps)
			continue;
		options.metric = loss_of(model);
		options.ignore_interval = model->step == settings->steps;
		status = cairn_manager_save(manager, &options, NULL, error);
	}
	return status == CAIRN_OK ? cairn_manager_wait(manager, error) : status;
}

static int train(const struct settings *settings)
{
	const struct cairn_checkpoint_write_options write_options = {
		.target = settings->as_tensorflow ? CAIRN_TARGET_TENSORFLOW : CAIRN_TARGET_CAIRN};
	struct model model = {.sampler = 1};
	struct cairn_checkpoint *checkpoint = NULL;
	struct cairn_manager *manager = NULL;
	struct cairn_error error = {.code = CAIRN_OK};
	enum cairn_status status = make_checkpoint(&model, &checkpoint, &error);

	if (status == CAIRN_OK)
		status = make_manager(settings, &model, checkpoint, &write_options, &manager,
				      &error);
	if (status == CAIRN_OK)
		status = loop(settings, &model, manager, &error);
	if (status == CAIRN_OK)
		printf("step %" PRId64 ", loss %.6f, saved as %s, the best is %s\n", model.step,
		       loss_of(&model), cairn_manager_latest_checkpoint(manager),
		       cairn_manager_best_checkpoint(manager, 0, NULL));
	cairn_manager_destroy(manager);
	cairn_checkpoint_destroy(checkpoint);
	return status == CAIRN_OK ? 0 : failed(settings->folder, &error);
}

/* ------------------------------------------------------------------------------------ the trial */

/* Runs the training in another process, killed after so many microseconds; 0: never. Its exit
 * status, or -1 when it was killed. */
static int train_elsewhere(const struct settings *settings, uint64_t microseconds)
{
	int status = 0;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		status = train(settings);
		fflush(stdout);
		_exit(status);
	}
	if (child > 0 && microseconds != 0) {
		const struct timespec rest = {.tv_nsec = (long)microseconds * 1000};

		nanosleep(&rest, NULL);
		kill(child, SIGKILL);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int train_killed(const struct settings *settings)
{
	uint64_t state = settings->seed;
	int kills = 0;
	int result = -1;

	while (result < 0) {
		/* later and later, so that it gets to the end on any disk */
		const uint64_t longest = 20000 + (uint64_t)kills * 10000;

		result = train_elsewhere(
			settings, kills == KILLS_MAX ? 0 : 1 + random_bits(&state) % longest);
		kills += result < 0;
	}
	printf("killed %d times\n", kills);
	return result;
}

static enum cairn_status open_latest(const char *folder, struct cairn_reader **reader,
				     struct cairn_error *error)
{
	char path[CAIRN_PATH_SIZE];
	enum cairn_status status = cairn_state_latest(folder, NULL, path, error);

	return status == CAIRN_OK ? cairn_reader_open(path, NULL, reader, error) : status;
}

static int compare(const char *undisturbed, const char *killed)
{
	struct cairn_reader *a = NULL;
	struct cairn_reader *b = NULL;
	struct cairn_diff_report report = {.equal = 0};
	struct cairn_error error = {.code = CAIRN_OK};
	enum cairn_status status = open_latest(undisturbed, &a, &error);

	if (status == CAIRN_OK)
		status = open_latest(killed, &b, &error);
	if (status == CAIRN_OK)
		status = cairn_diff(a, b, NULL, &report, &error);
	cairn_reader_close(a);
	cairn_reader_close(b);
	if (status != CAIRN_OK)
		return failed("compare", &error);
	puts(report.equal ? "the results are the same" : "the results differ");
	return !report.equal;
}

static int try_it(struct settings *settings)
{
	char undisturbed[CAIRN_PATH_SIZE];
	char killed[CAIRN_PATH_SIZE];

	snprintf(undisturbed, sizeof(undisturbed), "%s/undisturbed", settings->folder);
	snprintf(killed, sizeof(killed), "%s/killed", settings->folder);
	settings->folder = undisturbed;
	if (train_elsewhere(settings, 0) != 0)
		return 1;
	settings->folder = killed;
	if (train_killed(settings) != 0)
		return 1;
	return compare(undisturbed, killed);
}

int main(int argc, char **argv)
{
	struct settings settings = {.steps = STEPS_DEFAULT};
	int i;

	for (i = 1; i < argc - 1; i++) {
		if (strcmp(argv[i], "--tensorflow") == 0) {
			settings.as_tensorflow = true;
		} else if (strcmp(argv[i], "--steps") == 0) {
			settings.steps = strtoll(argv[++i], NULL, 10);
		} else if (strcmp(argv[i], "--kill") == 0) {
			settings.kills = true;
			settings.seed = strtoull(argv[++i], NULL, 10);
		} else {
			break;
		}
	}
	if (i != argc - 1 || settings.steps <= 0 || argv[i][0] == '-') {
		fprintf(stderr, "usage: train [--tensorflow] [--steps N] [--kill SEED] FOLDER\n");
		return 2;
	}
	settings.folder = argv[i];
	return settings.kills ? try_it(&settings) : train(&settings);
}
