/*
 * What the benchmark of the signer is held against: libsecp256k1 signing in a loop on every core, and nothing else; no
 * hashing, no salts, no database.
 *
 *   yardstick THREADS SIGNATURES   prints signatures a second
 */
#include <pthread.h>
#include <secp256k1.h>
#include <secp256k1_recovery.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static secp256k1_context *context;
static long per_thread;

static void *loop(void *argument) {
  const long thread = (long)(intptr_t)argument;
  unsigned char key[32] = {1}, digest[32] = {0}, out[65];
  key[31] = (unsigned char)thread;
  memcpy(digest + 8, &thread, sizeof thread);
  for (long i = 0; i < per_thread; i++) {
    secp256k1_ecdsa_recoverable_signature signature;
    int v;
    memcpy(digest, &i, sizeof i);
    if (!secp256k1_ecdsa_sign_recoverable(context, &signature, digest, key, NULL, NULL)) abort();
    secp256k1_ecdsa_recoverable_signature_serialize_compact(context, out, &v, &signature);
  }
  return NULL;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  const long threads = atol(argv[1]);
  per_thread = atol(argv[2]) / threads;
  context = secp256k1_context_create(SECP256K1_CONTEXT_SIGN);
  pthread_t *const ids = calloc((size_t)threads, sizeof *ids);
  struct timespec from, to;
  clock_gettime(CLOCK_MONOTONIC, &from);
  for (long i = 0; i < threads; i++) pthread_create(&ids[i], NULL, loop, (void *)(intptr_t)i);
  for (long i = 0; i < threads; i++) pthread_join(ids[i], NULL);
  clock_gettime(CLOCK_MONOTONIC, &to);
  const double seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
  printf("%.0f\n", (double)(per_thread * threads) / seconds);
  return 0;
}
