import type { Bytes } from '../../base/bytes.ts';
import { MeshError, quoted } from '../../base/errors.ts';
import { type Indicator, parseIndicator } from './indicator.ts';
import type { SignerFields } from '../header.ts';
import { type NodeRecord, parseNodeRecord } from './node-record.ts';

/** What a payload says where its family has a schema; else it is opaque. */
export type PayloadContent =
  | { readonly tag: 'indicator'; readonly indicator: Indicator }
  | { readonly tag: 'record'; readonly record: NodeRecord }
  | { readonly tag: 'opaque' };

const OPAQUE: PayloadContent = Object.freeze({ tag: 'opaque' });

/**
 * The one judgement of what a message carries, by the rules of its family: size, content type, schema. Programs that
 * publish, members that prepare or hand in, the gate and `verify` all ask here, by `content` of the message.
 *
 * @throws ERR_MESSAGE_PAYLOAD
 */
export function readPayload({
  type,
  contentType,
  payload,
}: Pick<SignerFields, 'type' | 'contentType'> & { readonly payload: Bytes }): PayloadContent {
  if (payload.length > type.payloadBytesMax)
    throw new MeshError(
      'ERR_MESSAGE_PAYLOAD',
      `payload of ${payload.length} bytes, expected at most ${type.payloadBytesMax} for ${type.text}`,
    );
  if (type.isContentTypeFixed && contentType !== type.contentType)
    throw new MeshError(
      'ERR_MESSAGE_PAYLOAD',
      `content type ${quoted(contentType)}, expected ${type.contentType} for ${type.text}`,
      'leave the content type out',
    );
  if (type.family === 'indicator') return { tag: 'indicator', indicator: parseIndicator(payload) };
  if (type.family === 'record') return { tag: 'record', record: parseNodeRecord(payload) };
  return OPAQUE;
}
