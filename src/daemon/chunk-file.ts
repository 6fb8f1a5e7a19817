import { z } from 'zod';
import { describeIssue } from '../api/schema.ts';
import { type Bytes, EMPTY, fromBase64, textOfUtf8 } from '../base/bytes.ts';
import { isMeshError, MeshError, messageOf } from '../base/errors.ts';
import { readP256PublicKey } from '../crypto/keys/p256-key.ts';
import { SignatureChain, SIGNED_PIECES_MAX, type SignedPiece } from '../message/request/chunk-signatures.ts';
import { SCOPE_TERMINATOR } from '../message/request/credential-scope.ts';
import type { VerifyingKey } from '../message/request/request-signature.ts';
import { malformed } from '../message/request/http-request.ts';
import { sigV4aPublicKey } from '../message/request/signing-key.ts';
import { parseJson } from '../codec/json.ts';

const text = z.string().min(1).max(4_096);

const itemSchema = z.object({
  kind: z.enum(['event', 'chunk', 'trailer']),
  timestamp: z.string().describe('yyyymmddThhmmssZ'),
  headers: z.base64().optional().describe('of an event, encoded; by default its date'),
  payload: z.base64().optional(),
  trailer: z.string().optional().describe('name:value and a line feed, for each header'),
  signature: z.string().optional(),
});

/** A signature chain as `chainmail request chain verify` reads it. */
const chainSchema = z
  .object({
    algorithm: z.enum(['sigv4', 'sigv4a']),
    secret: text.optional(),
    access_key_id: text.optional().describe('SigV4A: with the secret, or public_key instead of both'),
    public_key: z.string().optional().describe('PEM'),
    date: z.string().regex(/^[0-9]{8}$/, 'expected yyyymmdd'),
    region: text.optional(),
    service: text,
    prior_signature: z.string().regex(/^[0-9a-f]{1,144}$/, 'expected lower-case hex'),
    items: z.array(itemSchema).max(SIGNED_PIECES_MAX),
  })
  .refine(({ algorithm, region, secret }) => algorithm !== 'sigv4' || (region !== undefined && secret !== undefined), {
    message: 'expected secret and region',
  });

export interface ChunksVerdict {
  /** Of each piece, in order; lower-case hex. */
  readonly signatures: readonly string[];
  /** Whether the last piece is the end. Before it, pieces may be missing. */
  readonly complete: boolean;
}

/**
 * Follows a signature chain from a file. Of SigV4, signatures that are not given are computed; of SigV4A each must be there.
 * @throws ERR_REQUEST_SIGNATURE, ERR_REQUEST_MALFORMED, naming the piece.
 */
export async function verifyChunkFile(file: Bytes): Promise<ChunksVerdict> {
  const { algorithm, secret, date, region, service, prior_signature, items, ...rest } = parseChain(file);
  const scope = {
    date,
    region: algorithm === 'sigv4' ? region : undefined,
    service,
    terminator: SCOPE_TERMINATOR,
  };
  const chain = new SignatureChain({ algorithm, scope, priorSignature: prior_signature });
  const key = keyOf(algorithm, secret, rest.access_key_id, rest.public_key);
  const signatures: string[] = [];
  for (const [i, item] of items.entries()) {
    try {
      signatures.push(await follow(chain, key, itemOf(item), item.signature));
    } catch (error) {
      if (!isMeshError(error)) throw error;
      throw new MeshError(error.code, `item ${i}: ${error.message}`, error.hint);
    }
  }
  return { signatures, complete: chain.isComplete };
}

async function follow(
  chain: SignatureChain,
  key: VerifyingKey,
  item: SignedPiece,
  signature: string | undefined,
): Promise<string> {
  if (signature !== undefined) return chain.verify(key, item, signature);
  if (key.algorithm === 'sigv4a') throw malformed('signature is missing; those of SigV4A cannot be computed');
  return chain.sign({ ...key, accessKeyId: '-' }, item);
}

function parseChain(file: Bytes): z.output<typeof chainSchema> {
  let json: unknown;
  try {
    json = parseJson(textOfUtf8(file));
  } catch (error) {
    throw malformed(`the chain: ${messageOf(error)}`);
  }
  const parsed = chainSchema.safeParse(json);
  if (!parsed.success) throw malformed(`the chain: ${describeIssue(parsed.error)}`);
  return parsed.data;
}

function keyOf(
  algorithm: 'sigv4' | 'sigv4a',
  secret: string | undefined,
  accessKeyId: string | undefined,
  publicKey: string | undefined,
): VerifyingKey {
  if (algorithm === 'sigv4') return { algorithm, secretAccessKey: secret as string }; // the schema saw to it
  if (publicKey !== undefined) return { algorithm, publicKey: readP256PublicKey(publicKey) };
  if (secret === undefined || accessKeyId === undefined)
    throw malformed('the chain: expected public_key, or access_key_id and secret');
  return { algorithm, publicKey: sigV4aPublicKey({ accessKeyId, secretAccessKey: secret }) };
}

function itemOf(item: z.output<typeof itemSchema>): SignedPiece {
  const { kind, timestamp } = item;
  const payload = item.payload === undefined ? EMPTY : fromBase64(item.payload);
  switch (kind) {
    case 'trailer':
      return { kind, timestamp, text: item.trailer ?? '' };
    case 'chunk':
      return { kind, timestamp, payload };
    case 'event':
      return { kind, timestamp, headers: item.headers === undefined ? undefined : fromBase64(item.headers), payload };
  }
}
