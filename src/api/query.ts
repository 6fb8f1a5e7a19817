import { z } from 'zod';

/**
 * Members of a query: text, at most once. Schemas of queries are strict: a member that is misspelled would otherwise be
 * an answer to another question.
 */

/** A whole number in plain digits. */
export function queryInteger(min: number, max: number) {
  return z
    .string()
    .regex(/^[0-9]{1,16}$/, `expected a whole number from ${min} to ${max}, once`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, { message: `expected a whole number from ${min} to ${max}` });
}
