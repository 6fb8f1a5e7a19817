import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import type { Bytes } from '../../../../src/base/bytes.ts';
import { ProtobufReader, WIRE } from '../../../../src/codec/protobuf-wire.ts';

/** What stands under a number of a message: a scalar (`undefined`: an enum), a message, or a list or map of them. */
interface Content {
  readonly scalar?: ScalarType | undefined;
  readonly isList?: boolean;
  readonly members?: (number: number) => Content | undefined;
}

/**
 * Whether a known field has the wire type of another kind: Go leaves it alone as one that it does not know, and we with
 * it, where the JavaScript of River's clients fails or takes it for something else.
 */
export function hasStrayField(bytes: Bytes, message: DescMessage): boolean {
  return hasStray(new ProtobufReader(bytes), membersOf(message));
}

function hasStray(reader: ProtobufReader, members: NonNullable<Content['members']>): boolean {
  while (reader.next()) {
    const content = members(reader.number);
    if (content === undefined) continue;
    if (!wiresOf(content).includes(reader.wire)) return true;
    const { members: inner } = content;
    if (inner !== undefined && hasStray(new ProtobufReader(reader.bytes, reader.depth + 1), inner)) return true;
  }
  return false;
}

function wiresOf({ scalar, isList, members }: Content): readonly number[] {
  if (members !== undefined || scalar === ScalarType.STRING || scalar === ScalarType.BYTES) return [WIRE.bytes];
  return isList === true ? [WIRE.varint, WIRE.bytes] : [WIRE.varint];
}

function membersOf({ fields }: DescMessage): NonNullable<Content['members']> {
  return (number) => {
    const field = fields.find((each) => each.number === number);
    return field === undefined ? undefined : contentOf(field);
  };
}

function contentOf(field: DescField): Content {
  if (field.fieldKind === 'map') {
    const value = field.message === undefined ? { scalar: field.scalar } : { members: membersOf(field.message) };
    const entry = new Map<number, Content>([
      [1, { scalar: field.mapKey }],
      [2, value],
    ]);
    return { members: (number) => entry.get(number) };
  }
  if (field.message !== undefined) return { members: membersOf(field.message) };
  return { scalar: field.scalar, isList: field.fieldKind === 'list' };
}
