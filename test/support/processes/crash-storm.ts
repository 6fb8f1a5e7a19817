import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ticketCreatedSchema } from '../../../src/api/authority.ts';
import type { MessagesResponse } from '../../../src/api/node-programs.ts';
import { fromBase64, textOfUtf8 } from '../../../src/base/bytes.ts';
import { encodePem } from '../../../src/codec/pem.ts';
import { generatePkcs8, softwareSigner } from '../../../src/crypto/signer.ts';
import { controlSocketOf } from '../../../src/host/http/control-socket.ts';
import { exchange } from '../../../src/host/http/client.ts';
import { type Certificate, parseCertificatesPem } from '../../../src/pki/x509/certificate.ts';
import { parseCrl } from '../../../src/pki/x509/crl.ts';
import { buildCsr } from '../../../src/pki/x509/csr.ts';
import { issueIndexOf } from '../../../src/pki/mesh/mesh-extensions.ts';
import { SeededRandom } from '../../../src/sim/seeded-random.ts';
import { chainmail, LongCommand } from './chainmail.ts';
import { NodeProcess } from './node-process.ts';

const NODES = 3;
/** Work between two kills: long enough for commits to be under way, short enough for many kills. */
const WORK_MS_MIN = 50;
const WORK_MS_MAX = 500;
const PUBLISHERS = 2;
const ENROLLERS = 2;
const RETRY_MS = 30;
/** What is said is read back after every kill, so it must not be too much. */
const PUBLISH_PAUSE_MS_MAX = 300;
/** The authority answers 300 requests a minute, and each enrolment is asked for twice more at the end. */
const ENROL_PAUSE_MS_MAX = 400;

interface Enrolment {
  readonly token: string;
  readonly csr: string;
  certificate?: string;
  nodeId?: string;
}

/**
 * An authority and nodes as processes, all at work, one of them killed with -9 again and again. What was acknowledged is
 * written down here, and {@link check} holds the processes to it.
 */
export class CrashStorm {
  readonly #random: SeededRandom;
  readonly #authorityDir: string;
  readonly #nodes: NodeProcess[] = [];
  /** What each message that was acknowledged says. */
  readonly #said = new Map<string, string>();
  readonly #enrolments: Enrolment[] = [];
  /** Of revocations that were acknowledged, by node. */
  readonly #revoked = new Map<string, number>();
  #authority: LongCommand | undefined;
  #endpoint = '127.0.0.1:0';
  #isOver = false;
  #count = 0;

  private constructor(folder: string, seed: number) {
    this.#random = new SeededRandom(String(seed));
    this.#authorityDir = join(folder, 'authority');
  }

  static async start(folder: string, seed: number): Promise<CrashStorm> {
    const storm = new CrashStorm(folder, seed);
    mkdirSync(storm.#authorityDir, { mode: 0o700 });
    writeFileSync(join(storm.#authorityDir, 'passphrase'), 'correct horse\n', { mode: 0o600 });
    const init = await chainmail(['authority', 'init', '--dir', storm.#authorityDir, '--mesh', 'storm', '--json']);
    assert.equal(init.code, 0, `${init.stdout}${init.stderr}`);
    await storm.#runAuthority();
    for (let i = 0; i < NODES; i++) {
      const node = await NodeProcess.enroll(folder, `n${i}`, storm.#authorityDir);
      storm.#nodes.push(node);
      await node.run();
    }
    return storm;
  }

  /** Works and kills. Each process that was killed starts again before the next is. */
  async kill(times: number): Promise<void> {
    const work = [
      ...this.#nodes.flatMap((node) => Array.from({ length: PUBLISHERS }, () => this.#publish(node))),
      ...Array.from({ length: ENROLLERS }, () => this.#enrol()),
      this.#revoke(),
    ];
    try {
      for (let i = 0; i < times; i++) {
        await pause(this.#random.between(WORK_MS_MIN, WORK_MS_MAX));
        const victim = this.#random.below(NODES + 2);
        if (victim < NODES) await this.#killNode(this.#nodes[victim] as NodeProcess);
        else await this.#killAuthority();
      }
    } finally {
      this.#isOver = true;
      await Promise.all(work);
    }
  }

  /** How much there was to lose. */
  get acknowledged(): { readonly messages: number; readonly enrolments: number; readonly revocations: number } {
    return {
      messages: this.#said.size,
      enrolments: this.#enrolments.filter(({ certificate }) => certificate !== undefined).length,
      revocations: this.#revoked.size,
    };
  }

  async check(): Promise<void> {
    await this.#checkMessages();
    await this.#checkEnrolments();
    await this.#checkRevocations();
    const audit = await chainmail(['audit', 'verify', '--dir', this.#authorityDir, '--json']);
    assert.equal(audit.code, 0, `${audit.stdout}${audit.stderr}`);
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all([this.#authority?.end('SIGKILL'), ...this.#nodes.map((node) => node.end('SIGKILL'))]);
  }

  // ---- kills ---------------------------------------------------------------------------------------------------

  async #killNode(node: NodeProcess): Promise<void> {
    await node.end('SIGKILL');
    const before = new Set(this.#said.keys().filter((id) => id.startsWith(`${node.nodeId}.`)));
    await node.run();
    const listed = await node.listed();
    for (const id of before) assert.ok(listed.has(id), `${id} was acknowledged and is lost`);
  }

  async #killAuthority(): Promise<void> {
    await this.#authority?.end('SIGKILL');
    await this.#runAuthority();
  }

  async #runAuthority(): Promise<void> {
    const args = ['authority', 'run', '--dir', this.#authorityDir, '--listen', this.#endpoint, '--json'];
    this.#authority = new LongCommand(args, { CHAINMAIL_LOG_LEVEL: 'error' });
    const { url } = await this.#authority.json<{ url: string }>();
    this.#endpoint = new URL(url).host; // tickets name it, so it stays
  }

  // ---- work ----------------------------------------------------------------------------------------------------

  async #publish(node: NodeProcess): Promise<void> {
    while (!this.#isOver) {
      const text = `said ${this.#count++}`;
      try {
        const { status, json } = await node.publish(text);
        if (status === 201) this.#acknowledge(String(json['message_id']), text);
        await pause(this.#random.below(PUBLISH_PAUSE_MS_MAX));
      } catch {
        await pause(RETRY_MS); // killed before it answered: nothing was promised
      }
    }
  }

  #acknowledge(id: string, text: string): void {
    assert.equal(this.#said.get(id), undefined, `${id} was given twice`);
    this.#said.set(id, text);
  }

  async #enrol(): Promise<void> {
    while (!this.#isOver) {
      const enrolment: Enrolment = { token: await this.#ticket(), csr: await newCsr() };
      this.#enrolments.push(enrolment);
      // The answer may be lost in a kill: whoever asks again with the same key gets what it had.
      while (!this.#isOver && enrolment.certificate === undefined) await this.#enrolOnce(enrolment);
      await pause(this.#random.below(ENROL_PAUSE_MS_MAX));
    }
  }

  async #enrolOnce(enrolment: Enrolment): Promise<void> {
    const answer = await this.#post('/v1/enroll', { token: enrolment.token, csr: enrolment.csr });
    if (answer === undefined) return;
    assert.equal(answer.status, 200, answer.text);
    const { certificate, node_id } = JSON.parse(answer.text) as { certificate: string; node_id: string };
    enrolment.certificate = certificate;
    enrolment.nodeId = node_id;
  }

  async #revoke(): Promise<void> {
    for (let next = 0; !this.#isOver; await pause(RETRY_MS)) {
      const nodeId = this.#enrolments[next]?.nodeId;
      if (nodeId === undefined) continue;
      // Asked until it is answered, also when all is over: whether the last one was done must be known.
      const answer = await answered(() => this.#administrate('/v1/revoke', { node_id: nodeId }));
      assert.equal(answer.status, 204, answer.text);
      this.#revoked.set(nodeId, Number(answer.crlNumber));
      next += 3;
    }
  }

  async #ticket(): Promise<string> {
    for (;;) {
      const answer = await this.#administrate('/v1/tickets', {});
      if (answer !== undefined) return ticketCreatedSchema.parse(JSON.parse(answer.text)).ticket.token;
    }
  }

  #post(path: string, body: object): Promise<StormAnswer | undefined> {
    const trustAnchors = [readFileSync(join(this.#authorityDir, 'root.pem'), 'utf8')];
    return ask({ tag: 'tls', endpoint: `https://${this.#endpoint}`, trustAnchors }, path, body);
  }

  #administrate(path: string, body: object): Promise<StormAnswer | undefined> {
    return ask({ tag: 'socket', path: controlSocketOf(this.#authorityDir) }, path, body);
  }

  // ---- what must hold --------------------------------------------------------------------------------------------

  /** Every message is at every node, and says what was acknowledged; ids that nobody was told of are each one content. */
  async #checkMessages(): Promise<void> {
    const everything = new Set(this.#said.keys());
    const contents = new Map<string, string>();
    for (const node of this.#nodes) {
      await node.untilListed(everything);
      for (const [id, text] of await contentsOf(node)) {
        assert.equal(contents.get(id) ?? text, text, `${id} says two things`);
        contents.set(id, text);
      }
    }
    for (const [id, text] of this.#said) assert.equal(contents.get(id), text, id);
  }

  async #checkEnrolments(): Promise<void> {
    const serials = new Set<string>();
    const indexes = new Set<number>();
    for (const { token, csr, certificate, nodeId } of this.#enrolments) {
      if (certificate === undefined) continue;
      const again = await answered(() => this.#post('/v1/enroll', { token, csr }));
      if (nodeId !== undefined && this.#revoked.has(nodeId)) assert.equal(again.status, 403, again.text);
      else assert.equal((JSON.parse(again.text) as { certificate?: string }).certificate, certificate, again.text);
      const stolen = { token, csr: await newCsr() };
      const thief = await answered(() => this.#post('/v1/enroll', stolen));
      assert.equal(thief.status, 400, 'a spent ticket was taken again');
      const leaf = leafOf(certificate);
      assert.ok(!serials.has(leaf.serial), 'a serial was given twice');
      serials.add(leaf.serial);
      const issueIndex = issueIndexOf(leaf);
      assert.ok(issueIndex !== undefined && !indexes.has(issueIndex), 'an issue index was given twice');
      indexes.add(issueIndex);
    }
  }

  async #checkRevocations(): Promise<void> {
    const trustAnchors = [readFileSync(join(this.#authorityDir, 'root.pem'), 'utf8')];
    const { body } = await exchange(
      { tag: 'tls', endpoint: `https://${this.#endpoint}`, trustAnchors },
      { method: 'GET', path: '/v1/crl' },
    );
    const crl = parseCrl(body);
    for (const { nodeId, certificate } of this.#enrolments) {
      const number = nodeId === undefined ? undefined : this.#revoked.get(nodeId);
      if (certificate === undefined || number === undefined) continue;
      assert.ok(crl.number >= number, `list ${crl.number} is older than ${number}, which was acknowledged`);
      assert.ok(crl.revocationOf(leafOf(certificate).serial) !== undefined, `${nodeId} is no longer revoked`);
    }
  }
}

interface StormAnswer {
  readonly status: number;
  readonly text: string;
  readonly crlNumber: string | undefined;
}

/** @returns `undefined` where nobody answered (it was killed, or starts), or it was asked too often. */
async function ask(
  target: Parameters<typeof exchange>[0],
  path: string,
  body: object,
): Promise<StormAnswer | undefined> {
  try {
    const answer = await exchange(target, { method: 'POST', path, body });
    if (answer.status === 429) {
      await pause(RETRY_MS);
      return undefined;
    }
    return {
      status: answer.status,
      text: textOfUtf8(answer.body),
      crlNumber: answer.headers['chainmail-crl-number'] as string | undefined,
    };
  } catch {
    await pause(RETRY_MS);
    return undefined;
  }
}

async function answered(ask: () => Promise<StormAnswer | undefined>): Promise<StormAnswer> {
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
  }
}

function leafOf(pem: string): Certificate {
  const [leaf] = parseCertificatesPem(pem);
  assert.ok(leaf !== undefined);
  return leaf;
}

async function newCsr(): Promise<string> {
  return encodePem('CERTIFICATE REQUEST', await buildCsr(softwareSigner(generatePkcs8('P-256'))));
}

async function contentsOf(node: NodeProcess): Promise<ReadonlyMap<string, string>> {
  const contents = new Map<string, string>();
  for (let after: string | null = ''; after !== null; ) {
    const path: string = `/v1/messages?type=sensor/test&limit=1000${after === '' ? '' : `&after=${after}`}`;
    const { json } = await node.ask({ method: 'GET', path });
    const page = json as unknown as MessagesResponse;
    for (const { message_id, payload } of page.messages) contents.set(message_id, textOfUtf8(fromBase64(payload)));
    after = page.next;
  }
  return contents;
}
