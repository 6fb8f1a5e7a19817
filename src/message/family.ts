import { MeshError, quoted } from '../base/errors.ts';
import { INDICATOR_BYTES_MAX, PAYLOAD_BYTES_MAX, RECORD_BYTES_MAX, TYPE_BYTES_MAX } from './limits.ts';

/** What kind of thing a message is; the part of its type before the first slash. */
export type Family = 'indicator' | 'sensor' | 'command' | 'record';

interface FamilyRules {
  /** Whether a topic follows the family, as in `sensor/temperature`. */
  readonly topic: 'required' | 'none';
  readonly payloadBytesMax: number;
  /** The capability that the origin's certificate must grant for this type; `undefined`: every member may. */
  readonly capability: (type: string) => string | undefined;
  /** Content type where the publisher names none. */
  readonly contentType: string;
}

/** One row a family: who may publish it and how large it may be. The gate asks nobody else. */
const FAMILIES: Readonly<Record<Family, FamilyRules>> = {
  indicator: {
    topic: 'none',
    payloadBytesMax: INDICATOR_BYTES_MAX,
    capability: () => 'publish:indicator',
    contentType: 'application/json',
  },
  sensor: {
    topic: 'required',
    payloadBytesMax: PAYLOAD_BYTES_MAX,
    capability: (type) => `publish:${type}`,
    contentType: 'application/octet-stream',
  },
  command: {
    topic: 'required',
    payloadBytesMax: PAYLOAD_BYTES_MAX,
    capability: () => 'command:issue',
    contentType: 'application/octet-stream',
  },
  record: {
    topic: 'none',
    payloadBytesMax: RECORD_BYTES_MAX,
    capability: () => undefined,
    contentType: 'application/cbor',
  },
};

/** A message type that exists: its text, family and rules. */
export interface MessageType extends FamilyRules {
  readonly text: string;
  readonly family: Family;
}

const TOPIC = /^[a-z0-9][a-z0-9._-]*(\/[a-z0-9][a-z0-9._-]*){0,7}$/;

/** @throws ERR_MESSAGE_MALFORMED for an unknown family or an ill-formed topic. */
export function parseMessageType(text: string): MessageType {
  const slash = text.indexOf('/');
  const name = slash < 0 ? text : text.slice(0, slash);
  const topic = slash < 0 ? undefined : text.slice(slash + 1);
  const rules = Object.hasOwn(FAMILIES, name) ? FAMILIES[name as Family] : undefined;
  if (rules === undefined || text.length > TYPE_BYTES_MAX)
    throw new MeshError(
      'ERR_MESSAGE_MALFORMED',
      `message type ${quoted(text)} has no known family`,
      'use indicator, sensor/TOPIC or command/NAME',
    );
  const ok = rules.topic === 'none' ? topic === undefined : topic !== undefined && TOPIC.test(topic);
  if (!ok)
    throw new MeshError(
      'ERR_MESSAGE_MALFORMED',
      `message type ${quoted(text)}: expected ${rules.topic === 'none' ? name : `${name}/TOPIC in lower case`}`,
    );
  return { ...rules, text, family: name as Family };
}
