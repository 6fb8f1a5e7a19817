/* Keccak-256 as Ethereum uses it (padding 0x01, not the 0x06 of SHA-3), of two pieces one after the other. */
#ifndef CHAINMAIL_KECCAK256_H
#define CHAINMAIL_KECCAK256_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes absorbed between permutations: 1600 bits less twice the 256 of the digest. */
#define KECCAK256_RATE 136

static inline uint64_t keccak_rotate(uint64_t x, unsigned n) { return (x << n) | (x >> (64 - n)); }

static void keccak_f1600(uint64_t a[25]) {
  static const uint64_t round_constants[24] = {
      0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b,
      0x0000000080000001, 0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088,
      0x0000000080008009, 0x000000008000000a, 0x000000008000808b, 0x800000000000008b, 0x8000000000008089,
      0x8000000000008003, 0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
      0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008};
  static const unsigned rotations[24] = {1,  3,  6,  10, 15, 21, 28, 36, 45, 55, 2,  14,
                                         27, 41, 56, 8,  25, 43, 62, 18, 39, 61, 20, 44};
  static const unsigned lanes[24] = {10, 7,  11, 17, 18, 3, 5,  16, 8,  21, 24, 4,
                                     15, 23, 19, 13, 12, 2, 20, 14, 22, 9,  6,  1};
  for (unsigned round = 0; round < 24; round++) {
    uint64_t c[5], d;
#pragma GCC unroll 5
    for (unsigned x = 0; x < 5; x++) c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
#pragma GCC unroll 5
    for (unsigned x = 0; x < 5; x++) {
      d = c[(x + 4) % 5] ^ keccak_rotate(c[(x + 1) % 5], 1);
#pragma GCC unroll 5
      for (unsigned y = 0; y < 25; y += 5) a[y + x] ^= d;
    }
    uint64_t moved = a[1];
#pragma GCC unroll 24
    for (unsigned i = 0; i < 24; i++) {
      const uint64_t next = a[lanes[i]];
      a[lanes[i]] = keccak_rotate(moved, rotations[i]);
      moved = next;
    }
#pragma GCC unroll 5
    for (unsigned y = 0; y < 25; y += 5) {
      const uint64_t r0 = a[y], r1 = a[y + 1], r2 = a[y + 2], r3 = a[y + 3], r4 = a[y + 4];
      a[y] = r0 ^ (~r1 & r2);
      a[y + 1] = r1 ^ (~r2 & r3);
      a[y + 2] = r2 ^ (~r3 & r4);
      a[y + 3] = r3 ^ (~r4 & r0);
      a[y + 4] = r4 ^ (~r0 & r1);
    }
    a[0] ^= round_constants[round];
  }
}

/* Little-endian machines only, as the loads below say; the build refuses others. */
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "keccak256.h expects a little-endian machine"
#endif

static size_t keccak_absorb(uint64_t state[25], size_t filled, const unsigned char *bytes, size_t length) {
  unsigned char *const lanes = (unsigned char *)state;
  while (length > 0) {
    if (filled == 0 && length >= KECCAK256_RATE) {
      for (size_t i = 0; i < KECCAK256_RATE / 8; i++) {
        uint64_t lane;
        memcpy(&lane, bytes + i * 8, 8);
        state[i] ^= lane;
      }
      keccak_f1600(state);
      bytes += KECCAK256_RATE;
      length -= KECCAK256_RATE;
      continue;
    }
    lanes[filled++] ^= *bytes++;
    length--;
    if (filled == KECCAK256_RATE) {
      keccak_f1600(state);
      filled = 0;
    }
  }
  return filled;
}

static void keccak256_2(unsigned char digest[32], const unsigned char *first, size_t first_length,
                        const unsigned char *second, size_t second_length) {
  uint64_t state[25] = {0};
  size_t filled = keccak_absorb(state, 0, first, first_length);
  filled = keccak_absorb(state, filled, second, second_length);
  ((unsigned char *)state)[filled] ^= 0x01;
  ((unsigned char *)state)[KECCAK256_RATE - 1] ^= 0x80;
  keccak_f1600(state);
  memcpy(digest, state, 32);
}

#endif
