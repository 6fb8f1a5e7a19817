import { MeshError, quoted } from '../base/errors.ts';
import { parseIndicator } from './indicator.ts';
import type { MessageFields } from './message.ts';
import { parseNodeRecord } from './node-record.ts';

/**
 * The one judgement of what a message carries, by the rules of its family: size, content type, schema. Programs that
 * publish, members that prepare or hand in, the gate and `verify` all ask here.
 *
 * @throws ERR_MESSAGE_PAYLOAD
 */
export function checkPayload({
  type,
  contentType,
  payload,
}: Pick<MessageFields, 'type' | 'contentType' | 'payload'>): void {
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
  if (type.family === 'indicator') parseIndicator(payload);
  if (type.family === 'record') parseNodeRecord(payload);
}
