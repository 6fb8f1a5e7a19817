import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Bytes, textOfUtf8, utf8 } from '../../../../src/base/bytes.ts';
import type { UnixMs } from '../../../../src/base/time.ts';
import { sha256Hex } from '../../../../src/crypto/hash.ts';
import { Secret } from '../../../../src/crypto/secret.ts';
import { SecretBox } from '../../../../src/crypto/symmetric/secret-box.ts';
import { loadAuthorityConfig } from '../../../../src/daemon/authority/config.ts';
import { nodeLayout } from '../../../../src/daemon/directory.ts';
import { parseDuration } from '../../../../src/base/duration.ts';
import { loadEnrolledNode } from '../../../../src/daemon/node/enrolled-node.ts';
import { loadNodeConfig, NODE_CONFIG_TEXT } from '../../../../src/daemon/node/config.ts';
import { SqliteAuthorityStore } from '../../../../src/host/sqlite/authority-store.ts';
import { SqliteNodeStore } from '../../../../src/host/sqlite/node-store.ts';
import { parseAddress } from '../../../../src/message/payloads/address.ts';
import { parseAudience } from '../../../../src/message/audience.ts';
import { parseMessageType } from '../../../../src/message/family.ts';
import { parseMessageId } from '../../../../src/message/message-id.ts';
import { parseMeshName } from '../../../../src/identity/mesh-name.ts';
import { parseSerial } from '../../../../src/pki/x509/certificate/certificate.ts';
import { isMeshError } from '../../../../src/base/errors.ts';
import { importRecords } from '../../../../src/signer/import-records.ts';
import { parseJsonLine, parseSignedRecord } from '../../../../src/signer/signed-line.ts';
import { MemoryRecordStore } from '../../stores/memory-record-store.ts';
import { SeededRandom } from '../../../../src/sim/seeded-random.ts';
import { authorityWorld, enrollmentOf, newToken } from '../../mesh/authority-world.ts';
import { MESH, MeshFixture, NOW_MS } from '../../mesh/mesh-fixture.ts';
import { SEED_RECORD } from '../../seed-record.ts';
import { pemOf } from '../../verify-kit.ts';
import { mutateBytes, mutateText, pick, randomBytes } from '../mutate/mutate-bytes.ts';
import { mutateJson } from '../mutate/mutate-json.ts';
import type { FuzzSubject, FuzzTarget, Mutator } from '../target.ts';

const INPUTS = 3_000;
const MILLION = 1_000_000;
const TEXT: readonly Mutator[] = [mutateText, mutateText, mutateBytes];

/** A subject with a folder of its own. */
async function inFolder(open: (folder: string) => Promise<FuzzSubject>): Promise<FuzzSubject> {
  const folder = mkdtempSync(join(tmpdir(), 'chainmail-fuzz-'));
  const subject = await open(folder);
  return {
    ...subject,
    close: async () => {
      await subject.close?.();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const secretBox: FuzzTarget = {
  name: 'secret-box',
  inputs: INPUTS,
  soakInputs: MILLION,
  open: async () => {
    const random = new SeededRandom('box');
    const box = await SecretBox.create(new Secret(utf8('passphrase')), random);
    const content = utf8('a private key');
    return {
      corpus: [box.seal('key', new Secret(content))],
      mutators: [mutateBytes, mutateBytes, randomBytes],
      feed: (input) => {
        if (!box.fits(input)) return;
        using opened = box.open('key', input);
        opened.use((bytes) => assert.deepEqual(bytes, content, 'a changed box opened'));
      },
    };
  },
};

const configText = (name: string, text: string, load: (folder: string) => unknown): FuzzTarget => ({
  name,
  inputs: 1_000,
  soakInputs: 200_000,
  open: () =>
    inFolder(async (folder) => ({
      corpus: [utf8(text), utf8(text.replaceAll(/^# (\w+: )/gm, '$1'))],
      mutators: TEXT,
      feed: (input) => {
        writeFileSync(join(folder, 'chainmail.yaml'), input);
        assert.ok(Object.isFrozen(load(folder)));
      },
    })),
});

const nodeConfig = configText('node-config', NODE_CONFIG_TEXT, (directory) =>
  loadNodeConfig({ directory, flags: {}, environment: {} }),
);

const authorityConfig = configText(
  'authority-config',
  'mesh: depot\nlisten: 127.0.0.1:8440\ncertificate_life: 24h\nallow: [n1, n2]\nlog_level: info\n',
  (directory) => loadAuthorityConfig({ directory, flags: {}, environment: {} }),
);

/** `enrollment.json`, and the certificates beside it. */
const enrollment: FuzzTarget = {
  name: 'enrollment-file',
  inputs: 600,
  soakInputs: 100_000,
  open: () =>
    inFolder(async (folder) => {
      const fixture = await MeshFixture.create('fuzz', 'a');
      const { nodeId, chain } = fixture.member('a');
      const layout = nodeLayout(folder);
      const pems = [pemOf(...chain), pemOf(...chain.slice(1), ...fixture.authority.trust.anchors)] as const;
      const config = {
        mesh: MESH,
        node_id: nodeId,
        bootstrap_peers: [{ node_id: 'n1', address: '192.0.2.1:8441' }],
        gossip_fanout: 3,
        crl_url: 'https://ca:8440/v1/crl',
      };
      const file = { token_hash: '00'.repeat(32), endpoint: 'https://ca:8440', config };
      const files = [JSON.stringify(file), ...pems];
      const restore = (): void => {
        for (const [i, path] of [layout.enrollment, layout.certificate, layout.caCertificates].entries())
          writeFileSync(path, files[i] as string);
      };
      return {
        corpus: files.map(utf8),
        mutators: [mutateText, mutateJson, mutateJson, mutateBytes],
        feed: (input) => {
          restore();
          const target = input.includes(0x7b) ? layout.enrollment : layout.certificate;
          // The third valid input is a list of issuers, whose first is no leaf.
          writeFileSync(textStarts(input, pems[1]) ? layout.caCertificates : target, input);
          assert.equal(loadEnrolledNode(folder).nodeId, nodeId);
        },
      };
    }),
};

function textStarts(input: Bytes, pem: string): boolean {
  return new TextDecoder().decode(input.subarray(0, 200)) === pem.slice(0, 200);
}

/** A database that was damaged, on the disk or by hand, page by page. */
function databaseTarget(
  name: string,
  valid: (path: string) => Promise<void>,
  read: (path: string) => Promise<void>,
): FuzzTarget {
  return {
    name,
    inputs: 120,
    soakInputs: 10_000,
    open: () =>
      inFolder(async (folder) => {
        const first = join(folder, 'valid.db');
        await valid(first);
        const path = join(folder, 'one.db');
        const file = new Uint8Array(readFileSync(first));
        return {
          corpus: [file],
          afterSql: (sql) => withDatabase(join(folder, 'rows.db'), file, (database) => database.exec(sql)),
          mutators: [
            mutateBytes,
            mutateRows(join(folder, 'rows.db')),
            mutateRows(join(folder, 'rows.db')),
            randomBytes,
          ],
          feed: async (input) => {
            for (const ending of ['', '-wal', '-shm']) rmSync(`${path}${ending}`, { force: true });
            writeFileSync(path, input);
            await read(path);
          },
        };
      }),
  };
}

const ODD_CELLS = [
  'NULL',
  '0',
  '-1',
  '9223372036854775807',
  "''",
  "'x'",
  "' '",
  "'[1'",
  "x''",
  "x'ff'",
  'zeroblob(70000)',
];

/** A sound file whose rows somebody wrote by hand: any value that its columns can hold. */
function mutateRows(path: string): Mutator {
  return (random, corpus) =>
    withDatabase(path, pick(random, corpus), (database) => {
      const columns = database
        .prepare(
          "SELECT m.name AS t, c.name AS c FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table'",
        )
        .all();
      for (let n = 1 + random.below(2); n > 0; n--) {
        const { t, c } = pick(random, columns) as { t: string; c: string };
        const where = random.chance(0.5) ? '' : `WHERE ${c} = (SELECT ${c} FROM ${t} LIMIT 1)`;
        const sql = random.chance(0.1)
          ? `DELETE FROM ${t}`
          : `UPDATE ${t} SET ${c} = ${pick(random, ODD_CELLS)} ${where}`;
        try {
          database.exec(sql);
        } catch {
          // a value that the column cannot hold
        }
      }
    });
}

/** The file after `work`, with the checks of its schema off. */
function withDatabase(path: string, file: Bytes, work: (database: DatabaseSync) => void): Bytes {
  writeFileSync(path, file);
  const database = new DatabaseSync(path);
  try {
    database.exec('PRAGMA ignore_check_constraints=ON; PRAGMA journal_mode=DELETE');
    work(database);
  } finally {
    database.close();
  }
  return new Uint8Array(readFileSync(path));
}

const owner = { mesh: MESH, nodeId: 'n1' as Parameters<typeof SqliteNodeStore.open>[1]['nodeId'] };

const nodeDatabase = databaseTarget(
  'node-database',
  async (path) => {
    const fixture = await MeshFixture.create('fuzz', 'a');
    const store = SqliteNodeStore.open(path, owner);
    const message = { bytes: fixture.message('a').bytes, receivedAt: NOW_MS, arrival: 0 };
    const chain = fixture.member('a').chain.map(({ der }) => der);
    await store.apply([
      { tag: 'put-incarnation', incarnation: 1_800_000_000 },
      { tag: 'put-message', message },
      { tag: 'put-chain', voucherId: sha256Hex(chain[0] as Bytes), chain, keepUntil: NOW_MS },
      {
        tag: 'put-crl',
        issuerKeyHash: '00'.repeat(32),
        der: await fixture.authority.revoke([], NOW_MS),
        kept: [
          {
            issuerKeyHash: '00'.repeat(32),
            serial: 'a1',
            revokedAt: NOW_MS,
            reason: 'keyCompromise',
            keepUntil: NOW_MS,
          },
        ],
      },
    ]);
    await store.close();
  },
  async (path) => {
    const store = SqliteNodeStore.open(path, owner);
    try {
      const { messages, incarnation, arrivals, chains } = store.load();
      for (const { arrival } of messages) assert.ok(arrival < arrivals, 'a place would be given twice');
      assert.ok(Number.isSafeInteger(incarnation) && incarnation >= 0, 'a stream without a number');
      for (const [der] of chains) assert.ok(der !== undefined);
    } finally {
      await store.close();
    }
  },
);

const authorityDatabase = databaseTarget(
  'authority-database',
  async (path) => {
    const store = SqliteAuthorityStore.open(path, 'create');
    const { open } = await authorityWorld({ store });
    const authority = await open();
    const { nodeId } = await authority.enroll(await enrollmentOf(await newToken(authority)));
    await authority.checkIn({ nodeId, address: '192.0.2.9:1', crlNumber: 0, version: '1' });
    await store.close();
  },
  async (path) => {
    const store = SqliteAuthorityStore.open(path, 'create');
    try {
      await store.transact(async (tx) => {
        await tx.listTickets(100);
        await tx.listRevoked(0 as UnixMs);
        for (const { node } of await tx.listNodes(undefined, 100)) await tx.certificatesOf('node', node.nodeId);
        await tx.listReachable(0 as UnixMs, NOW_MS, 100);
        await tx.listAudit(0, 100);
        await tx.auditTail();
        await tx.standingOfKey('bb', 'aa');
        await tx.nextIssueIndex();
      });
    } finally {
      await store.close();
    }
  },
);

/** Names, addresses and spans as people and peers write them. */
const texts: FuzzTarget = {
  name: 'short-texts',
  inputs: INPUTS,
  soakInputs: MILLION,
  open: async () => ({
    corpus: [
      '192.0.2.1:8441',
      '[2001:db8::1]:1',
      'role:operator',
      'n1.1800000000.7',
      'sensor/a/b',
      'depot',
      '00:ff',
      '24h',
    ].map(utf8),
    mutators: [mutateText, mutateBytes, randomBytes],
    feed: (input) => {
      const text = textOfUtf8(input);
      for (const parse of [
        parseAddress,
        parseAudience,
        parseMessageId,
        parseMessageType,
        parseMeshName,
        parseSerial,
        parseDuration,
      ])
        try {
          parse(text);
        } catch (error) {
          if (!isMeshError(error)) throw error;
        }
    },
  }),
};

/** Lines of an import and of an export. */
const records: FuzzTarget = {
  name: 'record-line',
  inputs: INPUTS,
  soakInputs: MILLION,
  open: async () => ({
    corpus: [utf8(JSON.stringify(SEED_RECORD))],
    mutators: [mutateText, mutateJson, mutateJson, mutateBytes],
    feed: (input) => void parseSignedRecord(parseJsonLine(input)),
  }),
};

const imports: FuzzTarget = {
  name: 'record-import',
  inputs: 1_500,
  soakInputs: 300_000,
  open: async () => ({
    corpus: [
      utf8('id,msg\r\n1,hello\r\n2,"a ""quoted"" one,\nof two lines"\r\n'),
      utf8('{"id":"1","msg":"hello"}\n{"id":"2","msg":""}\n'),
    ],
    mutators: TEXT,
    feed: async (input) => {
      for (const format of ['csv', 'jsonl'] as const)
        try {
          const { imported, refused, errors } = await importRecords(new MemoryRecordStore(), pieces(input), format);
          assert.ok(imported >= 0 && errors.length <= Math.min(refused, 100));
        } catch (error) {
          if (!isMeshError(error)) throw error;
        }
    },
  }),
};

async function* pieces(bytes: Bytes): AsyncGenerator<Bytes> {
  for (let at = 0; at < bytes.length; at += 7) yield bytes.subarray(at, at + 7);
}

export const FILE_TARGETS: readonly FuzzTarget[] = [
  secretBox,
  nodeConfig,
  authorityConfig,
  enrollment,
  nodeDatabase,
  authorityDatabase,
  texts,
  records,
  imports,
];
