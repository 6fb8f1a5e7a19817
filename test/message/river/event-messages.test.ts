import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { StreamEventSchema } from '@towns-protocol/proto/dist/gen/protocol_pb.js';
import { EVENT_MESSAGES } from '../../../src/message/river/event-messages.ts';

const EIGHT_BYTES: ReadonlySet<ScalarType> = new Set([ScalarType.DOUBLE, ScalarType.FIXED64, ScalarType.SFIXED64]);

/** The notation of the table, made of a descriptor. */
function notationOf(message: DescMessage): string {
  const fields = message.fields.toSorted((a, b) => a.number - b.number);
  return fields.map((field) => `${field.number}${kindOf(field)}`).join(' ');
}

function kindOf(field: DescField): string {
  if (field.fieldKind === 'map') {
    const value = field.mapKind === 'message' ? `:${nameOf(field.message)}` : scalarKind(field.scalar);
    return `:{1${scalarKind(field.mapKey)} 2${value}}`;
  }
  if (field.message !== undefined) return `:${nameOf(field.message)}`;
  const kind = scalarKind(field.scalar);
  return field.fieldKind === 'list' && kind === 'v' ? 'p' : kind;
}

/** @param scalar absent: an enum */
function scalarKind(scalar: ScalarType | undefined): string {
  if (scalar === ScalarType.STRING) return 's';
  if (scalar === ScalarType.BYTES) return 'b';
  return scalar !== undefined && EIGHT_BYTES.has(scalar) ? 'd' : 'v';
}

function nameOf({ typeName }: DescMessage): string {
  return typeName.replace(/^(river|google\.protobuf)\./, '');
}

function messagesWithin({ fields }: DescMessage): readonly DescMessage[] {
  return fields.flatMap((field) => (field.message === undefined ? [] : [field.message]));
}

describe('the table of messages within an event', () => {
  it('says what the descriptors of River say', () => {
    const expected: Record<string, string> = {};
    const known = new Set<DescMessage>();
    const visit = (message: DescMessage): void => {
      if (known.has(message)) return;
      known.add(message);
      expected[nameOf(message)] = notationOf(message);
      for (const inner of messagesWithin(message)) visit(inner);
    };
    visit(StreamEventSchema);
    assert.deepEqual(EVENT_MESSAGES, expected);
    assert.ok(known.size > 80);
  });
});
