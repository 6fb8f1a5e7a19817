import { MeshError, quoted } from '../base/errors.ts';
import { INDICATOR_BYTES_MAX, PAYLOAD_BYTES_MAX, RECORD_BYTES_MAX, TYPE_BYTES_MAX } from './limits.ts';

/** What kind of thing a message is; the part of its type before the first slash. */
export type Family = 'indicator' | 'sensor' | 'command' | 'record' | 'other';

interface FamilyRules {
  /** Whether a topic follows the family, as in `sensor/temperature`. */
  readonly topic: 'required' | 'none' | 'optional';
  readonly payloadBytesMax: number;
  /** The capability that the origin's certificate must grant for this type; `undefined`: every member may. */
  readonly capability: (type: string) => string | undefined;
  /** Content type where the publisher names none. */
  readonly contentType: string;
  /** Whether there is no other: the payload has a schema, and two readers must not take it for two things. */
  readonly isContentTypeFixed: boolean;
}

/** One row a family: who may publish it and how large it may be. The gate asks nobody else. */
const FAMILIES: Readonly<Record<Exclude<Family, 'other'>, FamilyRules>> = {
  indicator: {
    topic: 'none',
    payloadBytesMax: INDICATOR_BYTES_MAX,
    capability: () => 'publish:indicator',
    contentType: 'application/json',
    isContentTypeFixed: true,
  },
  sensor: {
    topic: 'required',
    payloadBytesMax: PAYLOAD_BYTES_MAX,
    capability: (type) => `publish:${type}`,
    contentType: 'application/octet-stream',
    isContentTypeFixed: false,
  },
  command: {
    topic: 'required',
    payloadBytesMax: PAYLOAD_BYTES_MAX,
    capability: () => 'command:issue',
    contentType: 'application/octet-stream',
    isContentTypeFixed: false,
  },
  record: {
    topic: 'none',
    payloadBytesMax: RECORD_BYTES_MAX,
    capability: () => undefined,
    contentType: 'application/cbor',
    isContentTypeFixed: true,
  },
};

/**
 * Every other family: a fleet's own, or one of a later version of this program. A certificate that grants
 * `publish:TYPE` is all that it takes, so that nodes which do not know a family carry it all the same.
 */
const OTHER: FamilyRules = {
  topic: 'optional',
  payloadBytesMax: PAYLOAD_BYTES_MAX,
  capability: (type) => `publish:${type}`,
  contentType: 'application/octet-stream',
  isContentTypeFixed: false,
};

/** A message type: its text, family and rules. */
export interface MessageType extends FamilyRules {
  readonly text: string;
  readonly family: Family;
}

/** What follows the family: of a command its name. */
export function topicOf({ text }: Pick<MessageType, 'text'>): string {
  return text.slice(text.indexOf('/') + 1);
}

const NAME = /^[a-z][a-z0-9-]{0,30}$/;
const TOPIC = /^[a-z0-9][a-z0-9._-]*(\/[a-z0-9][a-z0-9._-]*){0,7}$/;

/** @throws ERR_MESSAGE_MALFORMED for what is no family and topic, or a topic where none belongs. */
export function parseMessageType(text: string): MessageType {
  const slash = text.indexOf('/');
  const name = slash < 0 ? text : text.slice(0, slash);
  const topic = slash < 0 ? undefined : text.slice(slash + 1);
  const isKnown = Object.hasOwn(FAMILIES, name);
  const rules = isKnown ? FAMILIES[name as keyof typeof FAMILIES] : OTHER;
  const hasTopic = topic !== undefined;
  const ok =
    text.length <= TYPE_BYTES_MAX &&
    NAME.test(name) &&
    (!hasTopic || TOPIC.test(topic)) &&
    (rules.topic === 'optional' || hasTopic === (rules.topic === 'required'));
  if (!ok)
    throw new MeshError(
      'ERR_MESSAGE_MALFORMED',
      `message type ${quoted(text)} is no family with its topic`,
      'use indicator, sensor/TOPIC or command/NAME, in lower case',
    );
  return { ...rules, text, family: isKnown ? (name as Family) : 'other' };
}
