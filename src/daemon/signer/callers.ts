import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { describeIssue } from '../../api/schema.ts';
import { MeshError, messageOf, quoted } from '../../base/errors.ts';
import type { Caller } from '../../http/signer/credential.ts';
import { allKeyIndexes } from '../../signer/key-ring.ts';

/** Callers of a signer: services of one house. */
export const CALLERS_MAX = 1_000;

const callersSchema = z.strictObject({
  callers: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/),
        token_sha256: z.string().regex(/^[0-9a-f]{64}$/),
        keys: z.array(z.int().min(0)).min(1).optional(),
      }),
    )
    .min(1)
    .max(CALLERS_MAX),
});

/**
 * Reads which callers may use which keys of the ring. The file has hashes of tokens, not tokens, so it is no secret.
 * @throws ERR_CONFIG where it is malformed, a name or token is there twice, or a key is not in the ring.
 */
export function loadCallers(file: string, ringSize: number): readonly Caller[] {
  const refuse = (what: string): never => {
    throw new MeshError('ERR_CONFIG', `callers ${quoted(file)}: ${what}`, 'docs/SIGNER.md has an example');
  };
  let value: unknown;
  try {
    value = parse(readFileSync(resolve(file), 'utf8'), { maxAliasCount: 0, strict: true });
  } catch (error) {
    return refuse(messageOf(error).split('\n')[0] as string);
  }
  const parsed = callersSchema.safeParse(value);
  if (!parsed.success) return refuse(describeIssue(parsed.error));
  const { callers } = parsed.data;
  for (const member of ['name', 'token_sha256'] as const)
    if (new Set(callers.map((caller) => caller[member])).size < callers.length) refuse(`a ${member} is there twice`);
  return callers.map(({ name, token_sha256, keys }) => {
    if (keys?.some((key) => key >= ringSize)) refuse(`${name} may use a key that is not in the ring of ${ringSize}`);
    return { name, tokenHash: Uint8Array.fromHex(token_sha256), keyIndexes: keys ?? allKeyIndexes(ringSize) };
  });
}
