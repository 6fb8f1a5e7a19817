import assert from 'node:assert/strict';
import { type Bytes, bytesEqual, concatBytes, textOfUtf8, utf8 } from '../../../../src/base/bytes.ts';
import { isMeshError } from '../../../../src/base/errors.ts';
import { CborReader } from '../../../../src/codec/cbor-reader.ts';
import { encodeSign1, decodeSign1 } from '../../../../src/cose/sign1.ts';
import type { Frame } from '../../../../src/engine/links/frame.ts';
import { decodeFrame, encodeFrame } from '../../../../src/engine/links/frame-codec.ts';
import { FrameSplitter } from '../../../../src/engine/links/frame-splitter.ts';
import { Link, type LinkOutbox } from '../../../../src/engine/links/link.ts';
import { parseNodeId } from '../../../../src/identity/node-id.ts';
import { parseAddress } from '../../../../src/message/payloads/address.ts';
import { announcementTag, encodeAnnouncement, parseAnnouncement } from '../../../../src/message/announcement.ts';
import { parseIndicator } from '../../../../src/message/payloads/indicator.ts';
import { composeMessage, parseComposed } from '../../../../src/message/message.ts';
import { parseMessage } from '../../../../src/message/message-reader.ts';
import { encodeNodeRecord, parseNodeRecord } from '../../../../src/message/payloads/node-record.ts';
import { validFrames } from './valid-frames.ts';
import { at, INDICATOR, MESH, MeshFixture } from '../../mesh/mesh-fixture.ts';
import { mutateBytes, mutateText, randomBytes } from '../mutate/mutate-bytes.ts';
import { mutateCbor } from '../mutate/mutate-cbor.ts';
import { mutateJson } from '../mutate/mutate-json.ts';
import { NODE_TARGET } from './node-target.ts';
import type { FuzzTarget } from '../target.ts';

const INPUTS = 4_000;
const MILLION = 1_000_000;
const BINARY = [mutateBytes, mutateCbor, mutateCbor, randomBytes];

async function validMessages(): Promise<readonly Bytes[]> {
  const fixture = await MeshFixture.create('fuzz', 'a');
  return [
    fixture.message('a').bytes,
    fixture.message('a', { type: 'sensor/temperature', payload: utf8('21'), audience: 'role:operator' }).bytes,
    fixture.message('a', { type: 'command/stop', payload: new Uint8Array(300), counter: 2 ** 40 }).bytes,
    fixture.delegated(fixture.delegate('a', { curve: 'Ed25519' })).bytes,
    fixture.delegated(fixture.delegate('a', { curve: 'secp256k1' }), { byHash: true }).bytes,
    ...fixture.batch('a', [{ counter: 3 }, { counter: 4 }, { counter: 5 }]).map(({ bytes }) => bytes),
  ];
}

/** `decode(b)` taken means `encode(decode(b)) = b`: there is one encoding a message (spec 03). */
const message: FuzzTarget = {
  name: 'message',
  inputs: INPUTS,
  soakInputs: MILLION,
  open: async () => ({
    corpus: await validMessages(),
    mutators: BINARY,
    feed: (input) => {
      const parsed = parseMessage(MESH, input);
      const { signature } = parsed;
      const composed = composeMessage(MESH, parsed);
      const { path } = decodeSign1(input, 20_000);
      assert.ok(bytesEqual(encodeSign1({ ...composed, signature, path }), input), 'another encoding was taken');
      assert.equal(composed.contentKey, parsed.contentKey);
      assert.equal(parsed.batchKey === undefined, path === undefined);
    },
  }),
};

/** The two parts as a client hands them in over HTTP: a length, the protected header, the payload. */
const composed: FuzzTarget = {
  name: 'composed-message',
  inputs: INPUTS,
  soakInputs: MILLION,
  open: async () => ({
    corpus: (await validMessages()).map((bytes) => decodeSign1(bytes, 20_000).protectedBytes),
    mutators: BINARY,
    feed: (input) => {
      const parsed = parseComposed(MESH, input, INDICATOR);
      assert.ok(bytesEqual(composeMessage(MESH, parsed).protectedBytes, input), 'another encoding was taken');
    },
  }),
};

const sign1: FuzzTarget = {
  name: 'cose-sign1',
  inputs: INPUTS,
  soakInputs: MILLION,
  open: async () => ({
    corpus: await validMessages(),
    mutators: BINARY,
    feed: (input) =>
      assert.ok(bytesEqual(encodeSign1(decodeSign1(input, 16_384)), input), 'another encoding was taken'),
  }),
};

/** Reads whatever is there as what it claims to be, until it ends or is refused. */
const cbor: FuzzTarget = {
  name: 'cbor-reader',
  inputs: INPUTS,
  soakInputs: MILLION,
  open: async () => ({
    corpus: [...(await validMessages()), ...validFrames().map(bodyOf)],
    mutators: BINARY,
    feed: (input) => {
      const reader = new CborReader(input);
      // Each item is tried as every kind: at most one succeeds, and all refusals leave by the same door.
      for (let items = 0; items < 10_000; items++) if (!readAny(reader, input)) break;
      reader.end();
    },
  }),
};

function readAny(reader: CborReader, input: Bytes): boolean {
  const kinds: readonly (() => unknown)[] = [
    () => reader.uint(),
    () => reader.int(),
    () => assert.ok(reader.bytes(input.length).length <= input.length),
    () => reader.text(input.length),
    () => reader.array(input.length),
    () => reader.map(input.length),
    () => reader.tag(18),
    () => reader.bool(),
    () => assert.ok(reader.nullish()),
  ];
  for (const read of kinds)
    try {
      read();
      return true;
    } catch (error) {
      if (error instanceof assert.AssertionError) continue;
      if (!isMeshError(error)) throw error;
    }
  return false;
}

const frame: FuzzTarget = {
  name: 'frame',
  inputs: 2 * INPUTS,
  soakInputs: MILLION,
  open: async () => ({
    corpus: validFrames().map(bodyOf),
    mutators: BINARY,
    feed: (input) => {
      const decoded: Frame = decodeFrame(input);
      assert.ok(bytesEqual(bodyOf(decoded), input), `another encoding of ${decoded.tag} was taken`);
    },
  }),
};

/** However a stream is cut, the same frames come out of it, and memory follows what has come. */
const splitter: FuzzTarget = {
  name: 'frame-splitter',
  inputs: INPUTS,
  soakInputs: MILLION,
  open: async () => ({
    corpus: [concatBytes(...validFrames().map(encodeFrame)), ...validFrames().map(encodeFrame)],
    mutators: [mutateBytes, mutateBytes, randomBytes],
    feed: (input) => {
      const whole = splitAll(input, [input]);
      const step = 1 + (input[0] ?? 0) + (input.length % 7);
      const pieces: Bytes[] = [];
      for (let from = 0; from < input.length; from += step) pieces.push(input.subarray(from, from + step));
      assert.deepEqual(splitAll(input, pieces), whole);
    },
  }),
};

function splitAll(
  input: Bytes,
  pieces: readonly Bytes[],
): { readonly bodies: readonly string[]; readonly isOver: boolean } {
  const one = new FrameSplitter();
  const bodies: string[] = [];
  try {
    for (const piece of pieces) {
      for (const body of one.push(piece)) bodies.push(body.toHex());
      assert.ok(one.pendingBytes <= input.length);
    }
    return { bodies, isOver: false };
  } catch (error) {
    if (!isMeshError(error)) throw error;
    return { bodies: [], isOver: true };
  }
}

/** A link that a stranger's bytes reach: it answers, or says why it ends, and throws nothing. */
const link: FuzzTarget = {
  name: 'link',
  inputs: INPUTS,
  soakInputs: MILLION,
  open: async () => {
    const fixture = await MeshFixture.create('fuzz', 'a', 'b');
    const [hello] = validFrames();
    const peer = fixture.member('a');
    assert.ok(hello?.tag === 'hello');
    const theirs = encodeFrame({ ...hello, nodeId: peer.nodeId });
    const nothing = (): void => undefined;
    const outbox: LinkOutbox = { up: nothing, frame: nothing, closed: nothing, dirty: nothing };
    return {
      corpus: validFrames().map((each) => concatBytes(theirs, encodeFrame(each))),
      mutators: [mutateBytes, mutateBytes, randomBytes],
      feed: (input) => {
        const end = { id: 1, direction: 'inbound', peer, remoteAddress: '192.0.2.1' } as const;
        const one = new Link(at(0), end, MESH, { ...hello, nodeId: fixture.member('b').nodeId }, outbox);
        for (let from = 0; from < input.length; from += 100)
          one.handleBytes(at(from), input.subarray(from, from + 100));
      },
    };
  },
};

const record: FuzzTarget = {
  name: 'node-record',
  inputs: INPUTS,
  soakInputs: MILLION,
  open: async () => ({
    corpus: [
      encodeNodeRecord({ addresses: [], name: '', version: '', streams: [] }),
      encodeNodeRecord({
        addresses: [parseAddress('192.0.2.1:8441'), parseAddress('[2001:db8::1]:1')],
        name: 'gate-7',
        version: '1.2.3',
        streams: [{ incarnation: 1_800_000_000, firstLive: 3, next: 900 }],
      }),
    ],
    mutators: BINARY,
    feed: (input) =>
      assert.ok(bytesEqual(encodeNodeRecord(parseNodeRecord(input)), input), 'another encoding was taken'),
  }),
};

const announcement: FuzzTarget = {
  name: 'announcement',
  inputs: INPUTS,
  soakInputs: MILLION,
  open: async () => ({
    corpus: [encodeAnnouncement({ tag: announcementTag(MESH, parseNodeId('n1')), port: 8441 })],
    mutators: [mutateBytes, randomBytes],
    feed: (input) => assert.ok(bytesEqual(encodeAnnouncement(parseAnnouncement(input)), input), 'another was taken'),
  }),
};

const indicator: FuzzTarget = {
  name: 'indicator',
  inputs: INPUTS,
  soakInputs: MILLION,
  open: async () => ({
    corpus: [
      INDICATOR,
      utf8(
        '{"kind":"pattern","value":"[file:name = \'x\']","risk":100,"labels":["a","b"],"valid_until":"2027-01-15T08:00:00Z"}',
      ),
    ],
    mutators: [mutateBytes, mutateText, mutateJson, mutateJson],
    feed: (input) => {
      const { value, risk } = parseIndicator(input);
      assert.ok([...value].length <= 512 && risk >= 0 && risk <= 100);
      textOfUtf8(input);
    },
  }),
};

function bodyOf(one: Frame): Bytes {
  return encodeFrame(one).subarray(4);
}

export const WIRE_TARGETS: readonly FuzzTarget[] = [
  message,
  composed,
  sign1,
  cbor,
  frame,
  splitter,
  link,
  record,
  announcement,
  indicator,
  NODE_TARGET,
];
