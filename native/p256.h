/*
 * ECDSA verification on P-256 (FIPS 186-5 section 6.4.2) with tables of multiples of the key: what it costs once a table is
 * there is under half of a verification without one. Everything here is public, so the time may depend on all of it, and
 * nothing here may ever touch a private key.
 *
 * Numbers are four words, the lowest first, always below their modulus. Coordinates are kept times 2^256 (Montgomery), so
 * that a product needs no division. A point has z = 0 where it is the point at infinity. Sums take every case: equal
 * points, opposite ones, infinity; whoever signs may choose a key and numbers for which they come up.
 */
#ifndef CHAINMAIL_P256_H
#define CHAINMAIL_P256_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned __int128 p256_wide;

typedef struct {
  uint64_t w[4];
} p256_number;

typedef struct {
  p256_number x, y;
} p256_affine;

/* x = X / Z^2, y = Y / Z^3 */
typedef struct {
  p256_number x, y, z;
} p256_point;

/*
 * A scalar of 256 bits is read as 8 rows of 32 bits. Column j names the sum of those 2^(32 i) Q whose row i has a one in it:
 * entry [0]. Columns 16 to 31 are read at the same time, from [1], which holds the same times 2^16: 16 doublings in all.
 */
#define P256_ROWS 8
#define P256_ENTRIES 255
#define P256_HALVES 2
#define P256_COLUMNS 16 /* of a half */

typedef struct {
  p256_affine entries[P256_HALVES][P256_ENTRIES]; /* of column value v at [v - 1] */
} p256_table;

/* 2^256 - 2^224 + 2^192 + 2^96 - 1 */
static const p256_number p256_field = {{0xffffffffffffffff, 0x00000000ffffffff, 0, 0xffffffff00000001}};
static const p256_number p256_order = {{0xf3b9cac2fc632551, 0xbce6faada7179e84, 0xffffffffffffffff, 0xffffffff00000000}};
/* -1 / order modulo 2^64; for the field it is 1 */
static const uint64_t p256_order_inverse = 0xccd1c8aaee00bc4f;
/* 2^256 and 2^512 modulo each */
static const p256_number p256_field_one = {{1, 0xffffffff00000000, 0xffffffffffffffff, 0x00000000fffffffe}};
static const p256_number p256_field_square = {{3, 0xfffffffbffffffff, 0xfffffffffffffffe, 0x00000004fffffffd}};
static const p256_number p256_order_one = {{0x0c46353d039cdaaf, 0x4319055258e8617b, 0, 0x00000000ffffffff}};
static const p256_number p256_order_square = {{0x83244c95be79eea2, 0x4699799c49bd6fa6, 0x2845b2392b6bec59, 0x66e12d94f3d95620}};
/* b of y^2 = x^3 - 3x + b, and the generator; times 2^256 */
static const p256_number p256_b = {{0xd89cdf6229c4bddf, 0xacf005cd78843090, 0xe5a220abf7212ed6, 0xdc30061d04874834}};
static const p256_affine p256_generator = {
    {{0x79e730d418a9143c, 0x75ba95fc5fedb601, 0x79fb732b77622510, 0x18905f76a53755c6}},
    {{0xddf25357ce95560a, 0x8b4ab8e4ba19e45c, 0xd2e88688dd21f325, 0x8571ff1825885d85}}};

/* ---- words ---- */

#if defined(__x86_64__)
#include <immintrin.h>

static inline uint64_t p256_add_words(uint64_t a, uint64_t b, unsigned char *carry) {
  unsigned long long sum;
  *carry = _addcarry_u64(*carry, a, b, &sum);
  return sum;
}

static inline uint64_t p256_subtract_words(uint64_t a, uint64_t b, unsigned char *borrow) {
  unsigned long long difference;
  *borrow = _subborrow_u64(*borrow, a, b, &difference);
  return difference;
}
#else
static inline uint64_t p256_add_words(uint64_t a, uint64_t b, unsigned char *carry) {
  const p256_wide sum = (p256_wide)a + b + *carry;
  *carry = (unsigned char)(sum >> 64);
  return (uint64_t)sum;
}

static inline uint64_t p256_subtract_words(uint64_t a, uint64_t b, unsigned char *borrow) {
  const p256_wide difference = (p256_wide)a - b - *borrow;
  *borrow = (unsigned char)(difference >> 64 & 1);
  return (uint64_t)difference;
}
#endif

/* a b + c + *carry, which always fits two words: the low one is returned, the high one is the next carry. */
static inline uint64_t p256_multiply_words(uint64_t a, uint64_t b, uint64_t c, uint64_t *carry) {
  const p256_wide sum = (p256_wide)a * b + c + *carry;
  *carry = (uint64_t)(sum >> 64);
  return (uint64_t)sum;
}

/* ---- numbers ---- */

static inline int p256_is_zero(const p256_number *a) { return (a->w[0] | a->w[1] | a->w[2] | a->w[3]) == 0; }

static inline int p256_is_equal(const p256_number *a, const p256_number *b) {
  return memcmp(a->w, b->w, sizeof a->w) == 0;
}

static inline int p256_is_below(const p256_number *a, const p256_number *b) {
  unsigned char borrow = 0;
  for (int i = 0; i < 4; i++) (void)p256_subtract_words(a->w[i], b->w[i], &borrow);
  return borrow;
}

/* What 32 octets say, the highest first. May be any number of 256 bits. */
static inline void p256_read(p256_number *out, const unsigned char octets[32]) {
  for (int i = 0; i < 4; i++) {
    uint64_t word = 0;
    for (int j = 0; j < 8; j++) word = word << 8 | octets[8 * (3 - i) + j];
    out->w[i] = word;
  }
}

/* out = high 2^256 + a, less the modulus where it is not below it: for what is below twice the modulus. */
static inline void p256_below(p256_number *out, const uint64_t a[4], uint64_t high, const p256_number *modulus) {
  uint64_t less[4];
  unsigned char borrow = 0;
  for (int i = 0; i < 4; i++) less[i] = p256_subtract_words(a[i], modulus->w[i], &borrow);
  (void)p256_subtract_words(high, 0, &borrow);
  const uint64_t stay = 0 - (uint64_t)borrow;
  for (int i = 0; i < 4; i++) out->w[i] = (a[i] & stay) | (less[i] & ~stay);
}

/* ---- the field ---- */

static inline void p256_add(p256_number *out, const p256_number *a, const p256_number *b) {
  uint64_t sum[4];
  unsigned char carry = 0;
  for (int i = 0; i < 4; i++) sum[i] = p256_add_words(a->w[i], b->w[i], &carry);
  p256_below(out, sum, carry, &p256_field);
}

static inline void p256_subtract(p256_number *out, const p256_number *a, const p256_number *b) {
  uint64_t difference[4];
  unsigned char borrow = 0, carry = 0;
  for (int i = 0; i < 4; i++) difference[i] = p256_subtract_words(a->w[i], b->w[i], &borrow);
  const uint64_t back = 0 - (uint64_t)borrow;
  for (int i = 0; i < 4; i++) out->w[i] = p256_add_words(difference[i], p256_field.w[i] & back, &carry);
}

/*
 * out = t / 2^256 modulo the field, for t below field 2^256. Four times the lowest word m is taken away by adding m times
 * the field, which ends in -1; the rest of that product is m 2^96 + m (2^64 - 2^32 + 1) 2^192. What is left stays below twice
 * the field: (t + 2^256 field) / 2^256.
 */
static inline void p256_reduce(p256_number *out, uint64_t t[8]) {
  uint64_t above = 0;
  for (int i = 0; i < 4; i++) {
    const uint64_t m = t[i];
    const p256_wide product = (p256_wide)m * 0xffffffff00000001;
    unsigned char carry = 0;
    t[i + 1] = p256_add_words(t[i + 1], m << 32, &carry);
    t[i + 2] = p256_add_words(t[i + 2], m >> 32, &carry);
    t[i + 3] = p256_add_words(t[i + 3], (uint64_t)product, &carry);
    const p256_wide sum = (p256_wide)t[i + 4] + (uint64_t)(product >> 64) + carry + above;
    t[i + 4] = (uint64_t)sum;
    above = (uint64_t)(sum >> 64);
  }
  p256_below(out, t + 4, above, &p256_field);
}

static void p256_multiply(p256_number *out, const p256_number *a, const p256_number *b) {
  uint64_t t[8] = {0};
  for (int i = 0; i < 4; i++) {
    uint64_t carry = 0;
    for (int j = 0; j < 4; j++) t[i + j] = p256_multiply_words(a->w[i], b->w[j], t[i + j], &carry);
    t[i + 4] = carry;
  }
  p256_reduce(out, t);
}

/* As a product, with each of the six mixed ones made once and doubled. */
static void p256_square(p256_number *out, const p256_number *a) {
  uint64_t t[8] = {0};
  for (int i = 0; i < 3; i++) {
    uint64_t carry = 0;
    for (int j = i + 1; j < 4; j++) t[i + j] = p256_multiply_words(a->w[i], a->w[j], t[i + j], &carry);
    t[i + 4] = carry;
  }
  for (int i = 7; i > 0; i--) t[i] = t[i] << 1 | t[i - 1] >> 63;
  unsigned char carry = 0;
  for (int i = 0; i < 4; i++) {
    const p256_wide square = (p256_wide)a->w[i] * a->w[i];
    t[2 * i] = p256_add_words(t[2 * i], (uint64_t)square, &carry);
    t[2 * i + 1] = p256_add_words(t[2 * i + 1], (uint64_t)(square >> 64), &carry);
  }
  p256_reduce(out, t);
}

/* ---- numbers modulo the order ---- */

/* out = a b / 2^256 modulo the order. One of the two may be any number of 256 bits. */
static void p256_multiply_order(p256_number *out, const p256_number *a, const p256_number *b) {
  uint64_t t[6] = {0};
  for (int i = 0; i < 4; i++) {
    uint64_t carry = 0;
    for (int j = 0; j < 4; j++) t[j] = p256_multiply_words(a->w[i], b->w[j], t[j], &carry);
    unsigned char over = 0;
    t[4] = p256_add_words(t[4], carry, &over);
    t[5] = over;
    const uint64_t m = t[0] * p256_order_inverse;
    carry = 0;
    (void)p256_multiply_words(m, p256_order.w[0], t[0], &carry);
    for (int j = 1; j < 4; j++) t[j - 1] = p256_multiply_words(m, p256_order.w[j], t[j], &carry);
    over = 0;
    t[3] = p256_add_words(t[4], carry, &over);
    t[4] = t[5] + over;
  }
  p256_below(out, t, t[4], &p256_order);
}

typedef void (*p256_product)(p256_number *out, const p256_number *a, const p256_number *b);

/* out = 1 / a by Fermat: a^(modulus - 2), four bits at a time. Both are times 2^256, and so is `one`. */
static void p256_invert(p256_number *out, const p256_number *a, const p256_number *modulus, const p256_number *one,
                        p256_product multiply) {
  p256_number powers[16], result = *one;
  powers[0] = *one;
  for (int i = 1; i < 16; i++) multiply(&powers[i], &powers[i - 1], a);
  for (int i = 63; i >= 0; i--) {
    /* Both moduli end in more than 1, so that taking two away borrows nothing. */
    const uint64_t word = modulus->w[i / 16] - (i < 16 ? 2 : 0);
    const unsigned digit = word >> 4 * (i % 16) & 15;
    for (int j = 0; j < 4; j++) multiply(&result, &result, &result);
    if (digit != 0) multiply(&result, &result, &powers[digit]);
  }
  *out = result;
}

/* ---- points ---- */

/* out = 2 p; out may be p. */
static void p256_double(p256_point *out, const p256_point *p) {
  p256_number delta, gamma, beta, alpha, t, u;
  p256_square(&delta, &p->z);
  p256_square(&gamma, &p->y);
  p256_multiply(&beta, &p->x, &gamma);
  p256_subtract(&t, &p->x, &delta);
  p256_add(&u, &p->x, &delta);
  p256_multiply(&t, &t, &u);
  p256_add(&alpha, &t, &t);
  p256_add(&alpha, &alpha, &t); /* 3 (x - z^2) (x + z^2) */
  p256_add(&t, &p->y, &p->z);
  p256_square(&t, &t);
  p256_subtract(&t, &t, &gamma);
  p256_subtract(&out->z, &t, &delta);
  p256_add(&beta, &beta, &beta);
  p256_add(&beta, &beta, &beta); /* 4 x y^2 */
  p256_square(&t, &alpha);
  p256_subtract(&t, &t, &beta);
  p256_subtract(&out->x, &t, &beta);
  p256_subtract(&t, &beta, &out->x);
  p256_multiply(&t, &alpha, &t);
  p256_add(&gamma, &gamma, &gamma);
  p256_square(&u, &gamma);
  p256_add(&u, &u, &u); /* 8 y^4 */
  p256_subtract(&out->y, &t, &u);
}

/* out = p + q; out may be p. */
static void p256_add_affine(p256_point *out, const p256_point *p, const p256_affine *q) {
  p256_number zz, h, d, hh, hhh, v, t, u;
  if (p256_is_zero(&p->z)) {
    out->x = q->x;
    out->y = q->y;
    out->z = p256_field_one;
    return;
  }
  p256_square(&zz, &p->z);
  p256_multiply(&t, &q->x, &zz);
  p256_subtract(&h, &t, &p->x);
  p256_multiply(&t, &p->z, &zz);
  p256_multiply(&t, &q->y, &t);
  p256_subtract(&d, &t, &p->y);
  if (p256_is_zero(&h)) { /* the same x: one point, or two opposite ones */
    if (p256_is_zero(&d)) p256_double(out, p);
    else memset(out, 0, sizeof *out);
    return;
  }
  p256_square(&hh, &h);
  p256_multiply(&hhh, &h, &hh);
  p256_multiply(&v, &p->x, &hh);
  p256_multiply(&u, &p->y, &hhh);
  p256_multiply(&out->z, &p->z, &h);
  p256_square(&t, &d);
  p256_subtract(&t, &t, &hhh);
  p256_subtract(&t, &t, &v);
  p256_subtract(&out->x, &t, &v);
  p256_subtract(&t, &v, &out->x);
  p256_multiply(&t, &d, &t);
  p256_subtract(&out->y, &t, &u);
}

/* All points with z = 1, for one inversion. None of them may be infinity. */
static void p256_normalise(p256_affine *out, const p256_point *points, int count) {
  p256_number product = p256_field_one, inverse, zi, zz;
  for (int i = 0; i < count; i++) {
    out[i].x = product; /* of all z before it */
    p256_multiply(&product, &product, &points[i].z);
  }
  p256_invert(&inverse, &product, &p256_field, &p256_field_one, p256_multiply);
  for (int i = count - 1; i >= 0; i--) {
    p256_multiply(&zi, &inverse, &out[i].x);
    p256_multiply(&inverse, &inverse, &points[i].z);
    p256_square(&zz, &zi);
    p256_multiply(&out[i].x, &points[i].x, &zz);
    p256_multiply(&zz, &zz, &zi);
    p256_multiply(&out[i].y, &points[i].y, &zz);
  }
}

/* x (32) || y (32). Whether it is a point of the curve; a group of prime order, so it is then in the right one. */
static int p256_read_point(p256_affine *out, const unsigned char octets[64]) {
  p256_number x, y, left, right;
  p256_read(&x, octets);
  p256_read(&y, octets + 32);
  if (!p256_is_below(&x, &p256_field) || !p256_is_below(&y, &p256_field)) return 0;
  p256_multiply(&out->x, &x, &p256_field_square);
  p256_multiply(&out->y, &y, &p256_field_square);
  p256_square(&left, &out->y);
  p256_square(&right, &out->x);
  p256_multiply(&right, &right, &out->x);
  for (int i = 0; i < 3; i++) p256_subtract(&right, &right, &out->x);
  p256_add(&right, &right, &p256_b);
  return p256_is_equal(&left, &right);
}

/* ---- tables ---- */

/* Some 1,000 sums. 0 where there is no memory for them. */
static int p256_fill_table(p256_table *table, const p256_affine *base) {
  p256_point powers[P256_ROWS * P256_HALVES]; /* 2^(16 i) base */
  p256_affine rows[P256_ROWS * P256_HALVES];
  p256_point *const sums = malloc(sizeof *sums * P256_ENTRIES);
  if (sums == NULL) return 0;
  powers[0].x = base->x;
  powers[0].y = base->y;
  powers[0].z = p256_field_one;
  for (int i = 1; i < P256_ROWS * P256_HALVES; i++) {
    powers[i] = powers[i - 1];
    for (int j = 0; j < P256_COLUMNS; j++) p256_double(&powers[i], &powers[i]);
  }
  p256_normalise(rows, powers, P256_ROWS * P256_HALVES);
  for (int half = 0; half < P256_HALVES; half++) {
    memset(sums, 0, sizeof *sums * P256_ENTRIES);
    /* No sum is infinity: each is the base times a number between zero and the order. */
    for (int value = 1; value <= P256_ENTRIES; value++) {
      const int highest = 31 - __builtin_clz((unsigned)value);
      const int rest = value ^ 1 << highest;
      const p256_point none = {0};
      p256_add_affine(&sums[value - 1], rest == 0 ? &none : &sums[rest - 1], &rows[P256_HALVES * highest + half]);
    }
    p256_normalise(table->entries[half], sums, P256_ENTRIES);
  }
  free(sums);
  return 1;
}

/* What stands in column `column` of all rows. */
static inline unsigned p256_column(const p256_number *scalar, int column) {
  unsigned value = 0;
  for (int i = 0; i < P256_ROWS; i++) value |= (scalar->w[i / 2] >> (32 * (i % 2) + column) & 1) << i;
  return value;
}

static inline void p256_add_column(p256_point *sum, const p256_table *table, const p256_number *scalar, int column) {
  for (int half = 0; half < P256_HALVES; half++) {
    const unsigned value = p256_column(scalar, column + P256_COLUMNS * half);
    if (value != 0) p256_add_affine(sum, sum, &table->entries[half][value - 1]);
  }
}

/* Whether x of this point, taken modulo the order, is r: without a division, X = r Z^2. */
static int p256_has_x(const p256_point *point, const p256_number *r) {
  p256_number zz, x, candidate = *r;
  if (p256_is_zero(&point->z)) return 0;
  p256_square(&zz, &point->z);
  for (;;) {
    p256_multiply(&x, &candidate, &p256_field_square);
    p256_multiply(&x, &x, &zz);
    if (p256_is_equal(&x, &point->x)) return 1;
    /* The field is a little larger than the order, so that x may have been r + order. */
    unsigned char carry = 0;
    if (!p256_is_equal(&candidate, r)) return 0;
    for (int i = 0; i < 4; i++) candidate.w[i] = p256_add_words(candidate.w[i], p256_order.w[i], &carry);
    if (carry != 0 || !p256_is_below(&candidate, &p256_field)) return 0;
  }
}

/*
 * Whether r || s is the signature of this SHA-256 digest by the key of `table`. Either half of s is taken; numbers that are
 * zero, or not below the order, are not.
 */
static int p256_verify(const p256_table *generator, const p256_table *table, const unsigned char digest[32],
                       const unsigned char signature[64]) {
  p256_number r, s, z, inverse, u1, u2;
  p256_point sum = {0};
  p256_read(&r, signature);
  p256_read(&s, signature + 32);
  if (p256_is_zero(&r) || p256_is_zero(&s)) return 0;
  if (!p256_is_below(&r, &p256_order) || !p256_is_below(&s, &p256_order)) return 0;
  p256_read(&z, digest);
  p256_multiply_order(&s, &s, &p256_order_square);
  p256_invert(&inverse, &s, &p256_order, &p256_order_one, p256_multiply_order);
  p256_multiply_order(&u1, &z, &inverse);
  p256_multiply_order(&u2, &r, &inverse);
  for (int column = P256_COLUMNS - 1; column >= 0; column--) {
    if (!p256_is_zero(&sum.z)) p256_double(&sum, &sum);
    p256_add_column(&sum, generator, &u1, column);
    p256_add_column(&sum, table, &u2, column);
  }
  return p256_has_x(&sum, &r);
}

#endif
