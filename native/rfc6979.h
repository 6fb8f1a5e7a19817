/*
 * The nonce of RFC 6979 (section 3.2, HMAC-SHA-256) exactly as libsecp256k1 derives it for ECDSA: int2octets(x) || h1,
 * where h1 is the digest unreduced. The result is the same to the byte; what differs is the time.
 *
 * On processors with SHA instructions, and with the parts of the first HMAC that depend on the key alone kept from one
 * signature to the next, it costs about a fifth. Elsewhere, and for the second and later candidates of one digest,
 * which practically never come, the library's own function answers.
 */
#ifndef CHAINMAIL_RFC6979_H
#define CHAINMAIL_RFC6979_H

#include <secp256k1.h>
#include <stdint.h>
#include <string.h>

/* State of a key's first HMAC after the block that holds V || 0x00 || the key's first 31 bytes. */
typedef struct {
  uint32_t first_inner[8];
  uint32_t zero_outer[8];
  unsigned char key_last;
  int is_fast;
} rfc6979_key;

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#define RFC6979_HAS_FAST 1
#define RFC6979_TARGET __attribute__((target("sha,sse4.1,ssse3")))

static const uint32_t sha256_start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

static const uint32_t sha256_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/* One block of SHA-256 with the processor's instructions; the state in the usual order a..h. */
RFC6979_TARGET static void sha256_block(uint32_t state[8], const unsigned char block[64]) {
  const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  __m128i w[4];
  __m128i low = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xb1);        /* CDAB */
  __m128i high = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1b); /* EFGH */
  __m128i abef = _mm_alignr_epi8(low, high, 8);
  __m128i cdgh = _mm_blend_epi16(high, low, 0xf0);
  const __m128i abef_before = abef, cdgh_before = cdgh;
#pragma GCC unroll 16
  for (int i = 0; i < 16; i++) {
    if (i < 4) {
      w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(block + 16 * i)), swap);
    } else {
      __m128i next = _mm_sha256msg1_epu32(w[i & 3], w[(i + 1) & 3]);
      next = _mm_add_epi32(next, _mm_alignr_epi8(w[(i + 3) & 3], w[(i + 2) & 3], 4));
      w[i & 3] = _mm_sha256msg2_epu32(next, w[(i + 3) & 3]);
    }
    const __m128i wk = _mm_add_epi32(w[i & 3], _mm_loadu_si128((const __m128i *)(sha256_k + 4 * i)));
    cdgh = _mm_sha256rnds2_epu32(cdgh, abef, wk);
    abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(wk, 0x0e));
  }
  abef = _mm_add_epi32(abef, abef_before);
  cdgh = _mm_add_epi32(cdgh, cdgh_before);
  low = _mm_shuffle_epi32(abef, 0x1b);  /* FEBA */
  high = _mm_shuffle_epi32(cdgh, 0xb1); /* DCHG */
  _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(low, high, 0xf0));
  _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(high, low, 8));
}

static void store_state(unsigned char out[32], const uint32_t state[8]) {
  for (int i = 0; i < 8; i++) {
    const uint32_t word = __builtin_bswap32(state[i]);
    memcpy(out + 4 * i, &word, 4);
  }
}

/* The last block: `length` bytes of it are there already, `total` bytes were hashed in all. */
static void pad_block(unsigned char block[64], size_t length, size_t total) {
  const uint64_t bits = __builtin_bswap64((uint64_t)total * 8);
  memset(block + length, 0, 64 - length);
  block[length] = 0x80;
  memcpy(block + 56, &bits, 8);
}

/* SHA-256 states after the two pads of an HMAC with this 32-byte key (RFC 2104). */
static void hmac_pads(uint32_t inner[8], uint32_t outer[8], const unsigned char key[32]) {
  unsigned char block[64];
  memset(block, 0x36, 64);
  for (int i = 0; i < 32; i++) block[i] ^= key[i];
  memcpy(inner, sha256_start, 32);
  sha256_block(inner, block);
  for (int i = 0; i < 64; i++) block[i] ^= 0x36 ^ 0x5c;
  memcpy(outer, sha256_start, 32);
  sha256_block(outer, block);
  explicit_bzero(block, sizeof block);
}

/* Ends an HMAC whose inner hash has `state` and ends in `block`, `length` of it filled, `total` hashed in all. */
static void hmac_end(unsigned char out[32], uint32_t state[8], const uint32_t outer[8], unsigned char block[64],
                     size_t length, size_t total) {
  uint32_t last[8];
  pad_block(block, length, total);
  sha256_block(state, block);
  store_state(block, state);
  pad_block(block, 32, 96);
  memcpy(last, outer, 32);
  sha256_block(last, block);
  store_state(out, last);
}

static int has_sha_instructions(void) {
  unsigned a, b, c, d;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (b & (1u << 29)) == 0) return 0;
  return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_1) != 0 && (c & bit_SSSE3) != 0;
}

static void rfc6979_prepare(rfc6979_key *prepared, const unsigned char key[32]) {
  static const unsigned char zero[32] = {0};
  unsigned char block[64];
  memset(prepared, 0, sizeof *prepared);
  prepared->is_fast = has_sha_instructions();
  if (!prepared->is_fast) return;
  hmac_pads(prepared->first_inner, prepared->zero_outer, zero); /* step c: K = 0x00... */
  memset(block, 0x01, 32);                                      /* step b: V = 0x01... */
  block[32] = 0x00;
  memcpy(block + 33, key, 31);
  sha256_block(prepared->first_inner, block);
  prepared->key_last = key[31];
  explicit_bzero(block, sizeof block);
}

/* Steps d to h for the first candidate. */
static void rfc6979_first(unsigned char nonce[32], const rfc6979_key *prepared, const unsigned char digest[32],
                          const unsigned char key[32]) {
  unsigned char block[64], k[32], v[32];
  uint32_t state[8], inner[8], outer[8];
  memcpy(state, prepared->first_inner, 32); /* d: K = HMAC(K, V || 0x00 || x || h1) */
  block[0] = prepared->key_last;
  memcpy(block + 1, digest, 32);
  hmac_end(k, state, prepared->zero_outer, block, 33, 64 + 97);
  hmac_pads(inner, outer, k);
  memset(v, 0x01, 32); /* e: V = HMAC(K, V) */
  memcpy(state, inner, 32);
  memcpy(block, v, 32);
  hmac_end(v, state, outer, block, 32, 96);
  memcpy(state, inner, 32); /* f: K = HMAC(K, V || 0x01 || x || h1) */
  memcpy(block, v, 32);
  block[32] = 0x01;
  memcpy(block + 33, key, 31);
  sha256_block(state, block);
  block[0] = key[31];
  memcpy(block + 1, digest, 32);
  hmac_end(k, state, outer, block, 33, 64 + 97);
  hmac_pads(inner, outer, k);
  memcpy(state, inner, 32); /* g: V = HMAC(K, V) */
  memcpy(block, v, 32);
  hmac_end(v, state, outer, block, 32, 96);
  memcpy(state, inner, 32); /* h: V = HMAC(K, V) */
  memcpy(block, v, 32);
  hmac_end(nonce, state, outer, block, 32, 96);
  explicit_bzero(block, sizeof block);
  explicit_bzero(k, sizeof k);
  explicit_bzero(v, sizeof v);
  explicit_bzero(state, sizeof state);
  explicit_bzero(inner, sizeof inner);
  explicit_bzero(outer, sizeof outer);
}

#else
static void rfc6979_prepare(rfc6979_key *prepared, const unsigned char key[32]) {
  (void)key;
  memset(prepared, 0, sizeof *prepared);
}
#endif

/* A nonce function of libsecp256k1; `data` is the rfc6979_key of the key. */
static int rfc6979_nonce(unsigned char *nonce32, const unsigned char *msg32, const unsigned char *key32,
                         const unsigned char *algo16, void *data, unsigned int attempt) {
#if defined(RFC6979_HAS_FAST)
  const rfc6979_key *prepared = data;
  if (prepared->is_fast && attempt == 0 && algo16 == NULL) {
    rfc6979_first(nonce32, prepared, msg32, key32);
    return 1;
  }
#else
  (void)data;
#endif
  return secp256k1_nonce_function_rfc6979(nonce32, msg32, key32, algo16, NULL, attempt);
}

#endif
