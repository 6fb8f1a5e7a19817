import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Bytes, concatBytes, utf8 } from '../../src/base/bytes.ts';
import { IMPORT_ERRORS_MAX, type ImportFormat, importRecords } from '../../src/signer/import-records.ts';
import { CHUNK_BYTES_MAX, CHUNK_RECORDS_MAX } from '../../src/ports/record-store.ts';
import { ChunkBuilder } from '../../src/signer/chunk-builder.ts';
import { keyIndexOf, ringFingerprint } from '../../src/signer/key-ring.ts';
import { LINE_BYTES_MAX } from '../../src/signer/line-splitter.ts';
import {
  BATCH_SIZE_MAX,
  batchCountFor,
  parseBatchCall,
  parseBatchSize,
  RUN_BATCHES_MAX,
} from '../../src/signer/plan.ts';
import { ID_BYTES_MAX, RECORD_MESSAGE_BYTES_MAX } from '../../src/signer/record.ts';
import { markSalts, saltText, writeSaltText } from '../../src/signer/salt.ts';
import { shardHashOf } from '../../src/signer/shard.ts';
import { parseSignedRecord, signedRecordJson } from '../../src/signer/signed-line.ts';
import { VERIFY_ERRORS_MAX, verifyExport } from '../../src/signer/verify-export.ts';
import { openChecker } from '../../src/host/signer/engines/engines.ts';
import { MemoryRecordStore } from '../support/stores/memory-record-store.ts';
import { SEED_RECORD } from '../support/seed-record.ts';
import { openTestSigner, randomRecords, signAll, signedRecords } from '../support/test-signer.ts';

/** Imports bytes that come in pieces of so many. */
async function imported(input: Bytes | string, format: ImportFormat = 'jsonl', pieceBytes = 7) {
  const store = new MemoryRecordStore();
  const bytes = typeof input === 'string' ? utf8(input) : input;
  async function* pieces(): AsyncGenerator<Bytes> {
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
  }
  const result = await importRecords(store, pieces(), format);
  return { ...result, records: store.records.map(({ id, message }) => [id, new TextDecoder().decode(message)]) };
}

describe('import', () => {
  it('reads JSON lines in both spellings of the seed, arrays, CRLF, and no line feed at the end', async () => {
    const { records, ...result } = await imported(
      '{"id":"a","msg":"x"}\r\n\n{"Id":"b","Msg":"y"}\n[{"id":"c","msg":"z"}]',
    );
    assert.deepEqual(result, { imported: 3, refused: 0, errors: [] });
    assert.deepEqual(records, [
      ['a', 'x'],
      ['b', 'y'],
      ['c', 'z'],
    ]);
  });

  it('reads CSV with quotes, commas, line ends in fields, a byte order mark and blank lines', async () => {
    const { records, ...result } = await imported('\ufeffid,msg\r\na,"x, ""y""\nz"\r\n\r\n"b",plain\n', 'csv', 3);
    assert.deepEqual(result, { imported: 2, refused: 0, errors: [] });
    assert.deepEqual(records, [
      ['a', 'x, "y"\nz'],
      ['b', 'plain'],
    ]);
  });

  it('reads JSON lines behind a byte order mark, which is no part of the first; a later one is', async () => {
    const line = '\ufeff{"id":"a","msg":"x"}\n';
    const { records, ...result } = await imported(`${line}${line}`, 'jsonl', 2);
    assert.deepEqual(result, { imported: 1, refused: 1, errors: [{ line: 2, code: 'ERR_RECORD_MALFORMED' }] });
    assert.deepEqual(records, [['a', 'x']]);
  });

  it('refuses a CSV row with a carriage return by itself, and signs no message without it', async () => {
    const text = 'id,msg\r\na,be\rfore\r\nb,\r"x"\r\nc,"kept\r"\r\nd,last\r';
    const { records, ...result } = await imported(text, 'csv', 1);
    const code = 'ERR_RECORD_MALFORMED';
    const errors = [2, 3].map((line) => ({ line, code }));
    assert.deepEqual(result, { imported: 2, refused: 2, errors });
    assert.deepEqual(records, [
      ['c', 'kept\r'],
      ['d', 'last'],
    ]);
  });

  it('refuses CSV without its header, whole', async () => {
    for (const text of ['a,b\n1,2\n', '', 'msg,id\n', 'id,msg,more\n'])
      await assert.rejects(imported(text, 'csv'), { code: 'ERR_RECORD_HEADER' });
  });

  const long = 'm'.repeat(RECORD_MESSAGE_BYTES_MAX);
  const lines: readonly (readonly [string, Bytes | string, string | undefined])[] = [
    ['no JSON', '{"id":', 'ERR_RECORD_MALFORMED'],
    ['two messages', '{"id":"a","msg":"x","msg":"y"}', 'ERR_RECORD_MALFORMED'],
    ['a number', '7', 'ERR_RECORD_MALFORMED'],
    ['no id', '{"msg":"x"}', 'ERR_RECORD_ID'],
    ['an empty id', '{"id":"","msg":"x"}', 'ERR_RECORD_ID'],
    ['an id too long', `{"id":"${'é'.repeat(ID_BYTES_MAX / 2)}i","msg":"x"}`, 'ERR_RECORD_ID'],
    ['the longest id', `{"id":"${'é'.repeat(ID_BYTES_MAX / 2)}","msg":"x"}`, undefined],
    ['no message', '{"id":"a"}', 'ERR_RECORD_MESSAGE'],
    ['an empty message', '{"id":"a","msg":""}', 'ERR_RECORD_MESSAGE'],
    ['a number for a message', '{"id":"a","msg":1}', 'ERR_RECORD_MESSAGE'],
    ['a message of 1 MiB', `{"id":"a","msg":"${long}"}`, undefined],
    ['a message of 1 MiB and 1 byte', `{"id":"a","msg":"${long}m"}`, 'ERR_RECORD_MESSAGE'],
    ['a line without end', '"'.repeat(LINE_BYTES_MAX + 1), 'ERR_RECORD_MESSAGE'],
    ['half a surrogate pair', '{"id":"a","msg":"\\ud800"}', 'ERR_RECORD_UTF8'],
    ['invalid UTF-8', concatBytes(utf8('{"id":"a","msg":"'), Uint8Array.of(0xff), utf8('"}')), 'ERR_RECORD_UTF8'],
    [
      'an overlong encoding',
      concatBytes(utf8('{"id":"a","msg":"'), Uint8Array.of(0xc0, 0x80), utf8('"}')),
      'ERR_RECORD_UTF8',
    ],
  ];
  for (const [name, line, code] of lines)
    it(`${code === undefined ? 'takes' : 'refuses'} ${name} by line and code, and keeps the rest`, async () => {
      const bytes = typeof line === 'string' ? utf8(line) : line;
      const input = concatBytes(utf8('{"id":"first","msg":"x"}\n'), bytes, utf8('\n{"id":"last","msg":"x"}\n'));
      const { errors, records } = await imported(input, 'jsonl', 64 * 1024);
      assert.deepEqual(errors, code === undefined ? [] : [{ line: 2, code }]);
      assert.equal(records.at(-1)?.[0], 'last');
    });

  it('tells duplicates by line, and lists so many errors at most', async () => {
    const text = Array.from({ length: 2 * IMPORT_ERRORS_MAX }, () => '{"id":"a","msg":"x"}').join('\n');
    const { imported: count, refused, errors } = await imported(text);
    assert.deepEqual([count, refused, errors.length], [1, 2 * IMPORT_ERRORS_MAX - 1, IMPORT_ERRORS_MAX]);
    assert.deepEqual(errors[0], { line: 2, code: 'ERR_RECORD_DUPLICATE' });
  });

  it('survives any bytes, in pieces of any size', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 1, max: 50 }), async (bytes, size) => {
        const { imported: count, refused, records } = await imported(bytes, 'jsonl', size);
        assert.equal(records.length, count);
        assert.ok(refused >= 0);
        const csv = concatBytes(utf8('id,msg\n'), bytes);
        assert.equal((await imported(csv, 'csv', size)).records.length, (await imported(csv, 'csv')).records.length);
      }),
      { numRuns: 100 },
    );
  });
});

describe('a chunk', () => {
  it('is full of records, or of bytes', () => {
    for (const [records, bytes] of [
      [CHUNK_RECORDS_MAX, 1],
      [8, CHUNK_BYTES_MAX / 8],
    ] as const) {
      const chunk = new ChunkBuilder<number>();
      const message = new Uint8Array(bytes);
      for (let n = 0; n < records; n++) {
        assert.equal(chunk.isFull, false);
        chunk.add(n, n, message);
      }
      assert.equal(chunk.isFull, true);
      assert.equal(chunk.take().messages.length, records * bytes);
      assert.equal(chunk.isEmpty, true);
    }
  });
});

describe('shards and keys', () => {
  it('takes the first eight hexadecimal digits as a number (seed 004)', () => {
    assert.equal(shardHashOf('830f559b22b74bfcbb5631fae20462cb'), 0x830f559b);
    assert.equal(shardHashOf('FFFFFFFFzz'), 0xffffffff);
  });

  it('spreads ids of any other form as evenly', () => {
    const counts = new Array<number>(8).fill(0);
    for (let i = 0; i < 8_000; i++) counts[shardHashOf(`order-${i}`) % 8]!++;
    for (const count of counts) assert.ok(count > 850 && count < 1_150, String(count));
    assert.notEqual(shardHashOf('1234567'), 0x1234567, 'seven digits are no eight');
  });

  it('gives each key its turn', () => {
    assert.deepEqual(
      [0, 1, 2, 3, 4].map((batchId) => keyIndexOf(batchId, [0, 1, 2])),
      [0, 1, 2, 0, 1],
    );
  });

  it('tells rings apart by keys and by order', () => {
    const [a, b] = [new Uint8Array(65).fill(1), new Uint8Array(65).fill(2)];
    assert.notEqual(ringFingerprint([a, b]), ringFingerprint([b, a]));
  });

  for (const text of ['0', '-1', 'x', '', '1.5', '1e3', '0x10', String(BATCH_SIZE_MAX + 1), '99999999999999999999'])
    it(`refuses the size ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseBatchSize(text), { code: 'ERR_INPUT' });
    });

  it('refuses a batch beyond its count and a key beyond the ring', () => {
    assert.deepEqual(parseBatchCall('2', '3', '1', 2), { batchId: 2, batchCount: 3, keyIndex: 1 });
    for (const [id, count, key] of [
      ['3', '3', '0'],
      ['0', '0', '0'],
      ['-1', '3', '0'],
      ['0', '3', '2'],
      ['0', String(RUN_BATCHES_MAX + 1), '0'],
    ])
      assert.throws(() => parseBatchCall(id as string, count as string, key as string, 2), { code: 'ERR_INPUT' });
  });

  it('plans as many batches as there are sizes in the records', () => {
    assert.equal(batchCountFor(RUN_BATCHES_MAX + 1, 1), RUN_BATCHES_MAX);
    assert.equal(parseBatchSize(String(BATCH_SIZE_MAX)), BATCH_SIZE_MAX);
    assert.equal(parseBatchCall('0', String(RUN_BATCHES_MAX), '0', 1).batchCount, RUN_BATCHES_MAX);
    assert.deepEqual([batchCountFor(0, 10), batchCountFor(10, 10), batchCountFor(11, 10)], [0, 1, 2]);
  });
});

describe('salts', () => {
  it('are UUIDs of version 4, 36 characters whatever chance gives (T21)', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (random) => {
        const salts = markSalts(random.slice());
        const text = saltText(salts.subarray(16));
        assert.match(text, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        const out = new Uint8Array(36);
        writeSaltText(salts, 16, out);
        assert.equal(new TextDecoder().decode(out), text);
      }),
    );
  });
});

describe('verification of an export', () => {
  async function verified(lines: readonly object[]) {
    const checker = await openChecker();
    async function* input(): AsyncGenerator<Bytes> {
      yield utf8(lines.map((line) => JSON.stringify(line)).join('\n'));
    }
    try {
      return await verifyExport(checker, input(), 2);
    } finally {
      await checker.close();
    }
  }

  it('accepts the sample of the seed, in both spellings', async () => {
    const { id, msg, sign, salt, key } = SEED_RECORD;
    const struct = { Id: 'other', Msg: msg, Signature: sign, Salt: salt, PublicKey: key };
    assert.deepEqual(await verified([{ id, msg, sign, salt, key }, struct]), { ok: true, checked: 2, errors: [] });
  });

  it('names line, id and reason of everything that is wrong', async () => {
    const { id } = SEED_RECORD;
    const flip = (text: string, at: number): string =>
      text.slice(0, at) + (text[at] === '0' ? '1' : '0') + text.slice(at + 1);
    const wrong: readonly (readonly [object, string])[] = [
      [{ ...SEED_RECORD, id: 'm', msg: 'other' }, 'ERR_RECORD_SIGNATURE'],
      [{ ...SEED_RECORD, id: 's', sign: flip(SEED_RECORD.sign, 70) }, 'ERR_RECORD_SIGNATURE'],
      [{ ...SEED_RECORD, id: 'v', sign: `${SEED_RECORD.sign.slice(0, -2)}1c` }, 'ERR_RECORD_SIGNATURE'],
      [{ ...SEED_RECORD, id: 'k', key: flip(SEED_RECORD.key, 20) }, 'ERR_RECORD_SIGNATURE'],
      [{ ...SEED_RECORD, id: 't', salt: flip(SEED_RECORD.salt, 2) }, 'ERR_RECORD_SIGNATURE'],
      [{ ...SEED_RECORD, id: 'short', sign: '0x00' }, 'ERR_RECORD_SIGNATURE'],
      [{ ...SEED_RECORD, id: 'key', key: SEED_RECORD.key.slice(2) }, 'ERR_RECORD_KEY'],
      // The same bytes are hashed; only a salt of fixed length says where it ends (T21).
      [
        { ...SEED_RECORD, id: 'cut', salt: SEED_RECORD.salt.slice(0, -1), msg: `b${SEED_RECORD.msg}` },
        'ERR_RECORD_SALT',
      ],
      [SEED_RECORD, 'ERR_RECORD_DUPLICATE'],
    ];
    const { ok, checked, errors } = await verified([SEED_RECORD, ...wrong.map(([record]) => record)]);
    assert.deepEqual([ok, checked], [false, 1 + wrong.length]);
    assert.deepEqual(
      errors.map(({ line, code }) => [line, code]),
      wrong.map(([, code], i) => [i + 2, code]),
    );
    assert.equal(errors.at(-1)?.id, id);
  });

  it('lists so many errors and counts the rest', async () => {
    const { ok, checked, errors } = await verified(Array.from({ length: VERIFY_ERRORS_MAX + 5 }, () => ({ id: 'x' })));
    assert.deepEqual([ok, errors.length], [false, VERIFY_ERRORS_MAX]);
    assert.equal(checked, VERIFY_ERRORS_MAX + 5);
  });

  it('accepts what was signed and exported here, and its JSON reads back', async () => {
    const [store, signer] = [new MemoryRecordStore(), await openTestSigner()];
    await store.add(randomRecords(50));
    await signAll(store, signer, { runId: 'a', batchCount: 3, batchId: undefined });
    await signer.close();
    const records = await signedRecords(store);
    assert.equal((await verified(records.map(signedRecordJson))).ok, true);
    for (const record of records) assert.deepEqual(parseSignedRecord(signedRecordJson(record)), record);
  });
});
