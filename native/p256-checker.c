/*
 * Checks signatures of keys that sign often: P-256 with SHA-256, by a table for each key. See p256.h for the arithmetic, and
 * docs/adr/0025 for why, and for who has the last word.
 *
 * Each call ends before it returns, on the caller's thread; nothing of the caller's is kept. A table is memory of this file's
 * own, 32 KiB, which never changes once it is made, and is freed when JavaScript has forgotten it.
 */
#define NAPI_VERSION 8
#include <node_api.h>
#include <pthread.h>
#include <stdbool.h>

#include "p256.h"

#define POINT_BYTES 64
#define DIGEST_BYTES 32
#define SIGNATURE_BYTES 64

/* Tells a table from what other addons hand out. */
static const napi_type_tag table_tag = {0x6368616e6d61696c, 0x7032353674616231};

static p256_table generator;
static int has_generator;
static pthread_once_t generator_once = PTHREAD_ONCE_INIT;

/* One for all threads; nobody writes to it afterwards. */
static void make_generator(void) { has_generator = p256_fill_table(&generator, &p256_generator); }

static napi_value refuse(napi_env env, const char *message) {
  napi_throw_range_error(env, NULL, message);
  return NULL;
}

/* The octets of a Uint8Array of exactly this length; NULL for everything else. */
static const unsigned char *octets_of(napi_env env, napi_value value, size_t wanted) {
  bool is_array = false;
  napi_typedarray_type type;
  size_t length = 0;
  void *data = NULL;
  if (napi_is_typedarray(env, value, &is_array) != napi_ok || !is_array) return NULL;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, NULL, NULL) != napi_ok) return NULL;
  return type == napi_uint8_array && length == wanted ? data : NULL;
}

static const p256_table *table_of(napi_env env, napi_value value) {
  bool is_table = false;
  void *data = NULL;
  napi_valuetype type;
  if (napi_typeof(env, value, &type) != napi_ok || type != napi_external) return NULL;
  if (napi_check_object_type_tag(env, value, &table_tag, &is_table) != napi_ok || !is_table) return NULL;
  return napi_get_value_external(env, value, &data) == napi_ok ? data : NULL;
}

static void finalize_table(napi_env env, void *table, void *hint) {
  int64_t total;
  (void)hint;
  free(table);
  napi_adjust_external_memory(env, -(int64_t)sizeof(p256_table), &total);
}

/* createTable(point: Uint8Array of x || y): external */
static napi_value create_table(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value argv[1], external;
  p256_affine point;
  int64_t total;
  if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok || argc < 1)
    return refuse(env, "createTable: expected a point");
  const unsigned char *const octets = octets_of(env, argv[0], POINT_BYTES);
  if (octets == NULL || !p256_read_point(&point, octets)) return refuse(env, "point: not one of P-256");
  p256_table *const table = malloc(sizeof *table);
  if (table == NULL || !p256_fill_table(table, &point)) {
    free(table);
    return refuse(env, "no memory");
  }
  if (napi_create_external(env, table, finalize_table, NULL, &external) != napi_ok) {
    free(table);
    return refuse(env, "createTable: no object");
  }
  napi_adjust_external_memory(env, sizeof *table, &total);
  if (napi_type_tag_object(env, external, &table_tag) != napi_ok) return refuse(env, "createTable: no object");
  return external;
}

/* verify(table, digest: Uint8Array(32), signature: Uint8Array(64)): boolean */
static napi_value verify(napi_env env, napi_callback_info info) {
  size_t argc = 3;
  napi_value argv[3], holds;
  if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok || argc < 3)
    return refuse(env, "verify: expected three arguments");
  const p256_table *const table = table_of(env, argv[0]);
  const unsigned char *const digest = octets_of(env, argv[1], DIGEST_BYTES);
  const unsigned char *const signature = octets_of(env, argv[2], SIGNATURE_BYTES);
  if (table == NULL || digest == NULL || signature == NULL)
    return refuse(env, "verify: expected a table, 32 and 64 octets");
  if (napi_get_boolean(env, p256_verify(&generator, table, digest, signature), &holds) != napi_ok) return NULL;
  return holds;
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor properties[] = {
      {"createTable", NULL, create_table, NULL, NULL, NULL, napi_enumerable, NULL},
      {"verify", NULL, verify, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  pthread_once(&generator_once, make_generator);
  if (!has_generator) return refuse(env, "no memory");
  if (napi_define_properties(env, exports, sizeof properties / sizeof properties[0], properties) != napi_ok) return NULL;
  return exports;
}
