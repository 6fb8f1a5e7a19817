/*
 * Signs and checks packed batches of records with the system's libsecp256k1, on the threads of libuv.
 *
 *   hash      = Keccak-256(uuid text of the salt, 36 bytes || message)
 *   signature = r (32) || s (32) || v (1), v 0 or 1, low s, nonce of RFC 6979
 *
 * Private keys live in a ring: memory of this file's own, locked against swapping and left out of core files where the
 * system allows, wiped when the ring is closed. JavaScript hands them in once and gets only public keys back.
 *
 * Every length is checked on the JavaScript thread before work is queued; the buffers are held by reference until it is
 * done, so that they cannot be collected or, being the caller's, be resized under it.
 */
#define NAPI_VERSION 8
#define _GNU_SOURCE
#include <node_api.h>
#include <pthread.h>
#include <secp256k1.h>
#include <secp256k1_recovery.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "keccak256.h"
#include "rfc6979.h"

#define KEY_BYTES 32
#define POINT_BYTES 65
#define SALT_BYTES 16
#define SALT_TEXT_BYTES 36
#define SIGNATURE_BYTES 65
/* As many as a batch can name with 16 bits. */
#define KEYS_MAX 65535

static secp256k1_context *context;
static pthread_once_t context_once = PTHREAD_ONCE_INIT;

/* One context for all threads: signing only reads it. Blinded once, against timing and power analysis. */
static void make_context(void) {
  unsigned char seed[32];
  context = secp256k1_context_create(SECP256K1_CONTEXT_SIGN | SECP256K1_CONTEXT_VERIFY);
  if (getrandom(seed, sizeof seed, 0) != (ssize_t)sizeof seed || !secp256k1_context_randomize(context, seed))
    abort(); /* neither fails on a system that can make keys at all */
  explicit_bzero(seed, sizeof seed);
}

/* ---- the ring ---- */

typedef struct {
  size_t count;
  void *memory;            /* holds the three below; whole pages, locked */
  size_t mapped;           /* bytes of it */
  unsigned char *keys;     /* count x 32 */
  unsigned char *copies;   /* the same again, to notice a change */
  rfc6979_key *nonce_keys; /* what RFC 6979 makes of each key once */
  unsigned char *points;   /* count x 65, public */
  int works;               /* batches under way; JavaScript thread only */
  int closed;
} ring_t;

static void wipe_ring(ring_t *ring) {
  if (ring->memory == NULL) return;
  explicit_bzero(ring->memory, ring->mapped);
  munlock(ring->memory, ring->mapped);
  munmap(ring->memory, ring->mapped);
  ring->memory = NULL;
  ring->keys = ring->copies = NULL;
  ring->nonce_keys = NULL;
}

static void finalize_ring(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  ring_t *ring = data;
  wipe_ring(ring);
  free(ring->points);
  free(ring);
}

/* ---- one batch ---- */

typedef enum { JOB_SIGN, JOB_RECOVER } job_tag;

typedef struct {
  job_tag tag;
  ring_t *ring;
  size_t count;
  const unsigned char *text; /* messages, or whole preimages */
  const uint32_t *offsets;   /* count + 1 */
  const unsigned char *salts;
  const uint16_t *key_indexes;
  unsigned char *signatures;
  unsigned char *points; /* out, of JOB_RECOVER: all zero where nothing could be recovered */
  uint32_t check_every;
  const char *failure;
  napi_async_work work;
  napi_deferred deferred;
  napi_ref held[7];
  size_t held_count;
} job_t;

static void salt_text(unsigned char out[SALT_TEXT_BYTES], const unsigned char salt[SALT_BYTES]) {
  static const char digits[] = "0123456789abcdef";
  size_t at = 0;
  for (size_t i = 0; i < SALT_BYTES; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out[at++] = '-';
    out[at++] = digits[salt[i] >> 4];
    out[at++] = digits[salt[i] & 15];
  }
}

static int recover_point(unsigned char out[POINT_BYTES], const unsigned char digest[32],
                         const unsigned char signature[SIGNATURE_BYTES]) {
  secp256k1_ecdsa_recoverable_signature parsed;
  secp256k1_pubkey point;
  size_t length = POINT_BYTES;
  if (signature[64] > 1) return 0;
  if (!secp256k1_ecdsa_recoverable_signature_parse_compact(context, &parsed, signature, signature[64])) return 0;
  if (!secp256k1_ecdsa_recover(context, &point, &parsed, digest)) return 0;
  return secp256k1_ec_pubkey_serialize(context, out, &length, &point, SECP256K1_EC_UNCOMPRESSED);
}

/*
 * Recovery takes a high s as well as a low one; only the low one is ours, so that a signature has one form. The
 * library tells by whether normalising changed anything.
 */
static int is_high_s(const unsigned char signature[SIGNATURE_BYTES]) {
  secp256k1_ecdsa_signature parsed;
  if (!secp256k1_ecdsa_signature_parse_compact(context, &parsed, signature)) return 1;
  return secp256k1_ecdsa_signature_normalize(context, NULL, &parsed);
}

static const char *sign_one(const job_t *job, size_t i, unsigned char digest[32]) {
  unsigned char salt[SALT_TEXT_BYTES];
  secp256k1_ecdsa_recoverable_signature signature;
  unsigned char *out = job->signatures + i * SIGNATURE_BYTES;
  const size_t k = job->key_indexes[i];
  int v = 0;
  salt_text(salt, job->salts + i * SALT_BYTES);
  keccak256_2(digest, salt, sizeof salt, job->text + job->offsets[i], job->offsets[i + 1] - job->offsets[i]);
  if (!secp256k1_ecdsa_sign_recoverable(context, &signature, digest, job->ring->keys + k * KEY_BYTES, rfc6979_nonce,
                                        &job->ring->nonce_keys[k]))
    return "libsecp256k1 refused to sign";
  secp256k1_ecdsa_recoverable_signature_serialize_compact(context, out, &v, &signature);
  if (v > 1) return "a nonce overflowed the group order; sign again with a fresh salt"; /* 1 in 2^127 */
  out[64] = (unsigned char)v;
  return NULL;
}

/*
 * Before anything of a batch may be stored. A key that changed in memory would sign with another key and, bit by bit,
 * tell what it was: so the keys are held against their second copy after the last signature. Some signatures are
 * recovered as well, which finds a processor or library that computes wrongly. docs/adr/0014 has the reasoning.
 */
static const char *check_keys(const ring_t *ring) {
  return memcmp(ring->keys, ring->copies, ring->count * KEY_BYTES) == 0 ? NULL : "a private key was damaged in memory";
}

static void execute_sign(job_t *job) {
  unsigned char digest[32];
  unsigned char point[POINT_BYTES];
  for (size_t i = 0; i < job->count && job->failure == NULL; i++) {
    job->failure = sign_one(job, i, digest);
    if (job->failure != NULL || job->check_every == 0 || i % job->check_every != 0) continue;
    if (!recover_point(point, digest, job->signatures + i * SIGNATURE_BYTES) ||
        memcmp(point, job->ring->points + (size_t)job->key_indexes[i] * POINT_BYTES, POINT_BYTES) != 0)
      job->failure = "a fresh signature does not verify: this processor or library computes wrongly";
  }
  if (job->failure == NULL) job->failure = check_keys(job->ring);
  if (job->failure != NULL) memset(job->signatures, 0, job->count * SIGNATURE_BYTES);
}

static void execute_recover(job_t *job) {
  unsigned char digest[32];
  for (size_t i = 0; i < job->count; i++) {
    unsigned char *point = job->points + i * POINT_BYTES;
    const unsigned char *signature = job->signatures + i * SIGNATURE_BYTES;
    keccak256_2(digest, NULL, 0, job->text + job->offsets[i], job->offsets[i + 1] - job->offsets[i]);
    if (is_high_s(signature) || !recover_point(point, digest, signature)) memset(point, 0, POINT_BYTES);
  }
}

static void execute(napi_env env, void *data) {
  (void)env;
  job_t *job = data;
  if (job->tag == JOB_SIGN) execute_sign(job);
  else execute_recover(job);
}

static void complete(napi_env env, napi_status status, void *data) {
  job_t *job = data;
  napi_value value;
  if (job->ring != NULL && --job->ring->works == 0 && job->ring->closed) wipe_ring(job->ring);
  if (status != napi_ok && job->failure == NULL) job->failure = "the work was cancelled";
  if (job->failure != NULL) {
    napi_value text;
    napi_create_string_utf8(env, job->failure, NAPI_AUTO_LENGTH, &text);
    napi_create_error(env, NULL, text, &value);
    napi_reject_deferred(env, job->deferred, value);
  } else {
    napi_get_undefined(env, &value);
    napi_resolve_deferred(env, job->deferred, value);
  }
  for (size_t i = 0; i < job->held_count; i++) napi_delete_reference(env, job->held[i]);
  napi_delete_async_work(env, job->work);
  free(job);
}

/* ---- from JavaScript ---- */

static napi_value refuse(napi_env env, const char *message) {
  napi_throw_range_error(env, NULL, message);
  return NULL;
}

/* The memory of a typed array of this kind and length; keeps it alive until the job is done. */
static void *hold(napi_env env, job_t *job, napi_value value, napi_typedarray_type wanted, size_t *length) {
  bool is_array = false;
  napi_typedarray_type type;
  void *data = NULL;
  if (napi_is_typedarray(env, value, &is_array) != napi_ok || !is_array) return NULL;
  if (napi_get_typedarray_info(env, value, &type, length, &data, NULL, NULL) != napi_ok || type != wanted) return NULL;
  if (data == NULL) data = (void *)""; /* an empty array has no memory */
  if (napi_create_reference(env, value, 1, &job->held[job->held_count]) != napi_ok) return NULL;
  job->held_count++;
  return data;
}

static ring_t *ring_of(napi_env env, napi_value value) {
  void *data = NULL;
  napi_valuetype type;
  if (napi_typeof(env, value, &type) != napi_ok || type != napi_external) return NULL;
  if (napi_get_value_external(env, value, &data) != napi_ok) return NULL;
  return data;
}

static napi_value drop(napi_env env, job_t *job, const char *message) {
  for (size_t i = 0; i < job->held_count; i++) napi_delete_reference(env, job->held[i]);
  free(job);
  return refuse(env, message);
}

static int are_offsets_within(const job_t *job, size_t text_length) {
  for (size_t i = 0; i < job->count; i++)
    if (job->offsets[i] > job->offsets[i + 1]) return 0;
  return job->offsets[job->count] <= text_length;
}

static napi_value queue(napi_env env, job_t *job) {
  napi_value name, promise;
  napi_create_string_utf8(env, "chainmail batch", NAPI_AUTO_LENGTH, &name);
  napi_create_promise(env, &job->deferred, &promise);
  napi_create_async_work(env, NULL, name, execute, complete, job, &job->work);
  if (job->ring != NULL) job->ring->works++;
  napi_queue_async_work(env, job->work);
  return promise;
}

/* createRing(keys: Uint8Array of count x 32): external */
static napi_value create_ring(napi_env env, napi_callback_info info) {
  size_t argc = 1, length = 0;
  napi_value argv[1], external;
  napi_typedarray_type type;
  void *data = NULL;
  bool is_array = false;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  if (argc < 1 || napi_is_typedarray(env, argv[0], &is_array) != napi_ok || !is_array)
    return refuse(env, "keys: expected a Uint8Array");
  napi_get_typedarray_info(env, argv[0], &type, &length, &data, NULL, NULL);
  if (type != napi_uint8_array || length == 0 || length % KEY_BYTES != 0 || length / KEY_BYTES > KEYS_MAX)
    return refuse(env, "keys: expected 32 bytes a key");

  ring_t *ring = calloc(1, sizeof *ring);
  if (ring == NULL) return refuse(env, "no memory");
  ring->count = length / KEY_BYTES;
  ring->points = malloc(ring->count * POINT_BYTES);
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  const size_t wanted = ring->count * (2 * KEY_BYTES + sizeof(rfc6979_key));
  ring->mapped = (wanted + page - 1) / page * page;
  void *const memory = mmap(NULL, ring->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (ring->points == NULL || memory == MAP_FAILED) {
    if (memory != MAP_FAILED) munmap(memory, ring->mapped);
    free(ring->points);
    free(ring);
    return refuse(env, "no memory");
  }
  (void)mlock(memory, ring->mapped); /* a limit on locked memory is no reason not to sign */
  (void)madvise(memory, ring->mapped, MADV_DONTDUMP);
  ring->memory = memory;
  ring->nonce_keys = memory;
  ring->keys = (unsigned char *)memory + ring->count * sizeof(rfc6979_key);
  ring->copies = ring->keys + length;
  memcpy(ring->keys, data, length);
  memcpy(ring->copies, data, length);
  for (size_t k = 0; k < ring->count; k++) {
    secp256k1_pubkey point;
    size_t bytes = POINT_BYTES;
    if (!secp256k1_ec_pubkey_create(context, &point, ring->keys + k * KEY_BYTES)) {
      finalize_ring(env, ring, NULL);
      return refuse(env, "keys: not a private key of secp256k1");
    }
    secp256k1_ec_pubkey_serialize(context, ring->points + k * POINT_BYTES, &bytes, &point,
                                  SECP256K1_EC_UNCOMPRESSED);
    rfc6979_prepare(&ring->nonce_keys[k], ring->keys + k * KEY_BYTES);
  }
  napi_create_external(env, ring, finalize_ring, NULL, &external);
  return external;
}

/* closeRing(ring): wipes the keys, at once or when the last batch under way is done. */
static napi_value close_ring(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value argv[1];
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  ring_t *ring = argc < 1 ? NULL : ring_of(env, argv[0]);
  if (ring == NULL) return refuse(env, "ring: expected what createRing gave");
  ring->closed = 1;
  if (ring->works == 0) wipe_ring(ring);
  return NULL;
}

/* publicKeys(ring, out: Uint8Array of count x 65) */
static napi_value public_keys(napi_env env, napi_callback_info info) {
  size_t argc = 2, length = 0;
  napi_value argv[2];
  void *data = NULL;
  napi_typedarray_type type;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  ring_t *ring = argc < 2 ? NULL : ring_of(env, argv[0]);
  if (ring == NULL || napi_get_typedarray_info(env, argv[1], &type, &length, &data, NULL, NULL) != napi_ok ||
      type != napi_uint8_array || length != ring->count * POINT_BYTES)
    return refuse(env, "expected a ring and room for its public keys");
  memcpy(data, ring->points, length);
  return NULL;
}

/* sign(ring, messages, offsets, salts, keyIndexes, signatures, checkEvery): Promise<void> */
static napi_value sign(napi_env env, napi_callback_info info) {
  size_t argc = 7, text = 0, offsets = 0, salts = 0, keys = 0, signatures = 0;
  napi_value argv[7];
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  job_t *job = calloc(1, sizeof *job);
  if (job == NULL) return refuse(env, "no memory");
  if (argc < 7) return drop(env, job, "sign: expected seven arguments");
  job->tag = JOB_SIGN;
  ring_t *ring = ring_of(env, argv[0]);
  if (ring == NULL || ring->closed) return drop(env, job, "ring: closed, or no ring");
  job->text = hold(env, job, argv[1], napi_uint8_array, &text);
  job->offsets = hold(env, job, argv[2], napi_uint32_array, &offsets);
  job->salts = hold(env, job, argv[3], napi_uint8_array, &salts);
  job->key_indexes = hold(env, job, argv[4], napi_uint16_array, &keys);
  job->signatures = hold(env, job, argv[5], napi_uint8_array, &signatures);
  if (job->text == NULL || job->offsets == NULL || job->salts == NULL || job->key_indexes == NULL ||
      job->signatures == NULL || napi_get_value_uint32(env, argv[6], &job->check_every) != napi_ok)
    return drop(env, job, "sign: an argument has the wrong type");
  job->count = keys;
  if (offsets != keys + 1 || salts != keys * SALT_BYTES || signatures != keys * SIGNATURE_BYTES)
    return drop(env, job, "sign: the arrays disagree about the number of records");
  if (!are_offsets_within(job, text)) return drop(env, job, "offsets: expected to rise within the messages");
  for (size_t i = 0; i < keys; i++)
    if (job->key_indexes[i] >= ring->count) return drop(env, job, "keyIndexes: no such key in the ring");
  napi_create_reference(env, argv[0], 1, &job->held[job->held_count++]);
  job->ring = ring;
  return queue(env, job);
}

/* recover(preimages, offsets, signatures, points): Promise<void> */
static napi_value recover(napi_env env, napi_callback_info info) {
  size_t argc = 4, text = 0, offsets = 0, signatures = 0, points = 0;
  napi_value argv[4];
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  job_t *job = calloc(1, sizeof *job);
  if (job == NULL) return refuse(env, "no memory");
  if (argc < 4) return drop(env, job, "recover: expected four arguments");
  job->tag = JOB_RECOVER;
  job->text = hold(env, job, argv[0], napi_uint8_array, &text);
  job->offsets = hold(env, job, argv[1], napi_uint32_array, &offsets);
  job->signatures = hold(env, job, argv[2], napi_uint8_array, &signatures);
  job->points = hold(env, job, argv[3], napi_uint8_array, &points);
  if (job->text == NULL || job->offsets == NULL || job->signatures == NULL || job->points == NULL || offsets == 0)
    return drop(env, job, "recover: an argument has the wrong type");
  job->count = offsets - 1;
  if (signatures != job->count * SIGNATURE_BYTES || points != job->count * POINT_BYTES)
    return drop(env, job, "recover: the arrays disagree about the number of records");
  if (!are_offsets_within(job, text)) return drop(env, job, "offsets: expected to rise within the preimages");
  return queue(env, job);
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor properties[] = {
      {"createRing", NULL, create_ring, NULL, NULL, NULL, napi_enumerable, NULL},
      {"closeRing", NULL, close_ring, NULL, NULL, NULL, napi_enumerable, NULL},
      {"publicKeys", NULL, public_keys, NULL, NULL, NULL, napi_enumerable, NULL},
      {"sign", NULL, sign, NULL, NULL, NULL, napi_enumerable, NULL},
      {"recover", NULL, recover, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  pthread_once(&context_once, make_context);
  napi_define_properties(env, exports, sizeof properties / sizeof properties[0], properties);
  return exports;
}
