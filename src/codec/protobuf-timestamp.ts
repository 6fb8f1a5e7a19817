import { EMPTY } from '../base/bytes.ts';
import { MeshError } from '../base/errors.ts';
import { toRfc3339, type UnixMs } from '../base/time.ts';
import { type Field, int64, MessageSchema, messageOf } from './protobuf-message.ts';

const NANOS_A_MS = 1_000_000;

/** `google.protobuf.Timestamp`: seconds since 1970, and nanoseconds within the second. */
const TIMESTAMP = new MessageSchema<{ readonly seconds: bigint; readonly nanos: bigint }>({
  seconds: int64(1),
  nanos: int64(2),
});

/** A field of type `google.protobuf.Timestamp`, to the millisecond; in JSON it is RFC 3339. */
export function timestampOf(number: number): Field<UnixMs | undefined> {
  const message = messageOf(number, TIMESTAMP);
  return {
    numbers: [number],
    absent: undefined,
    read: (field, before) => {
      const stamp = message.read(field, undefined);
      if (stamp === undefined) return before;
      const ms = Number(stamp.seconds) * 1_000 + Math.floor(Number(stamp.nanos) / NANOS_A_MS);
      if (!Number.isSafeInteger(ms)) throw new MeshError('ERR_PROTOBUF', 'protobuf message has a time out of range');
      return ms as UnixMs;
    },
    write: (at) => (at === undefined ? EMPTY : message.write(partsOf(at))),
    fromJson: (value) => {
      const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
      if (!Number.isSafeInteger(ms)) throw new MeshError('ERR_PROTOBUF', 'member of the JSON body: expected RFC 3339');
      return ms as UnixMs;
    },
    toJson: (at) => (at === undefined ? undefined : toRfc3339(at)),
  };
}

function partsOf(at: UnixMs): { readonly seconds: bigint; readonly nanos: bigint } {
  const seconds = Math.floor(at / 1_000);
  return { seconds: BigInt(seconds), nanos: BigInt((at - seconds * 1_000) * NANOS_A_MS) };
}
