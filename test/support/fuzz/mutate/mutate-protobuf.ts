import { type Bytes, concatBytes } from '../../../../src/base/bytes.ts';
import { bytesField, ProtobufReader, varintField, WIRE } from '../../../../src/codec/protobuf-wire.ts';
import type { SeededRandom } from '../../../../src/sim/seeded-random.ts';
import { mutateBytes, pick } from './mutate-bytes.ts';
import type { Mutator } from '../target.ts';

interface Field {
  readonly number: number;
  readonly value: bigint | Bytes;
}

const ODD_NUMBERS = [0n, 1n, 127n, 128n, 2n ** 31n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n];
const ODD_FIELDS = [1, 2, 8, 15, 16, 99, 100, 103, 111, 1_000, 536_870_911];

/** Changes one field at some depth: left out, doubled, moved, another number or wire type, other content. */
export const mutateProtobuf: Mutator = (random, corpus) => change(random, pick(random, corpus), 6);

function change(random: SeededRandom, message: Bytes, depth: number): Bytes {
  const fields = fieldsOf(message);
  if (fields === undefined || fields.length === 0) return mutateBytes(random, [message]);
  const at = random.below(fields.length);
  const field = fields[at] as Field;
  if (depth > 0 && field.value instanceof Uint8Array && random.chance(0.6))
    return write(fields.with(at, { ...field, value: change(random, field.value, depth - 1) }));
  switch (random.below(7)) {
    case 0:
      return write(fields.toSpliced(at, 1));
    case 1:
      return write([...fields, field]);
    case 2:
      return write([field, ...fields.toSpliced(at, 1)]);
    case 3:
      return write(fields.with(at, { ...field, number: pick(random, ODD_FIELDS) }));
    case 4:
      return write(fields.with(at, { ...field, value: pick(random, ODD_NUMBERS) }));
    case 5:
      return write(fields.with(at, { ...field, value: random.bytes(random.below(70)) }));
    default:
      return concatBytes(write(fields), pick(random, [[0x0b, 0x0c], [0x0d, 1, 2, 3, 4], [0x09], [0x80]].map(octets)));
  }
}

function octets(list: readonly number[]): Bytes {
  return Uint8Array.from(list);
}

/** `undefined` for what is no message, or has fields that are neither numbers nor bytes. */
function fieldsOf(message: Bytes): readonly Field[] | undefined {
  const fields: Field[] = [];
  try {
    const reader = new ProtobufReader(message);
    while (reader.next()) {
      if (reader.wire !== WIRE.varint && reader.wire !== WIRE.bytes) return undefined;
      fields.push({ number: reader.number, value: reader.wire === WIRE.varint ? reader.varint : reader.bytes });
    }
  } catch {
    return undefined;
  }
  return fields;
}

function write(fields: readonly Field[]): Bytes {
  return concatBytes(
    ...fields.map(({ number, value }) =>
      typeof value === 'bigint' ? varintField(number, value) : bytesField(number, value),
    ),
  );
}
