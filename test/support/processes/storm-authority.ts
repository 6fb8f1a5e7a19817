import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { AUDIT_ENTRIES_MAX, type AuditResponse, auditResponseSchema } from '../../../src/api/authority.ts';
import { textOfUtf8 } from '../../../src/base/bytes.ts';
import { encodePem } from '../../../src/codec/pem.ts';
import { generatePkcs8, softwareSigner } from '../../../src/crypto/keys/signer.ts';
import { controlSocketOf } from '../../../src/host/http/control-socket.ts';
import { type ClientRequestOptions, exchange } from '../../../src/host/http/client.ts';
import { buildCsr } from '../../../src/pki/x509/certificate/csr.ts';
import { chainmail, LongCommand } from './chainmail.ts';

const RETRY_MS = 30;
/** All that come are of one address, and each is looked at again at the end. */
const ENROLL_PER_MINUTE = 100_000;

export interface StormAnswer {
  readonly status: number;
  readonly body: Uint8Array;
  readonly crlNumber: string | undefined;
}

/** An authority as a process that is killed and comes back at the same address. */
export class StormAuthority {
  readonly dir: string;
  /** Told of each request when it is sent, and of each answer that promises something when it has come. */
  onAsking: () => void = () => {};
  onAnswered: () => void = () => {};
  #command: LongCommand | undefined;
  #endpoint = '127.0.0.1:0';
  #isGone = false;

  private constructor(dir: string) {
    this.dir = dir;
  }

  static async start(folder: string): Promise<StormAuthority> {
    const authority = new StormAuthority(join(folder, 'authority'));
    mkdirSync(authority.dir, { mode: 0o700 });
    writeFileSync(join(authority.dir, 'passphrase'), 'correct horse\n', { mode: 0o600 });
    const init = await chainmail(['authority', 'init', '--dir', authority.dir, '--mesh', 'storm', '--json']);
    assert.equal(init.code, 0, `${init.stdout}${init.stderr}`);
    await authority.run();
    return authority;
  }

  async run(): Promise<void> {
    const args = ['authority', 'run', '--dir', this.dir, '--listen', this.#endpoint, '--json'];
    this.#command = new LongCommand(args, {
      CHAINMAIL_LOG_LEVEL: 'error',
      CHAINMAIL_ENROLL_PER_MINUTE: String(ENROLL_PER_MINUTE),
    });
    const { url } = await this.#command.json<{ url: string }>();
    this.#endpoint = new URL(url).host; // tickets name it, so it stays
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    await this.#command?.end(signal);
  }

  /** Ends it for good: nobody asks on until it is back. */
  async leave(): Promise<void> {
    this.#isGone = true;
    await this.end('SIGKILL');
  }

  /** As strangers and nodes do. @returns `undefined` where nobody answered, or it was asked too often. */
  ask(options: ClientRequestOptions): Promise<StormAnswer | undefined> {
    const trustAnchors = [readFileSync(join(this.dir, 'root.pem'), 'utf8')];
    return this.#ask({ tag: 'tls', endpoint: `https://${this.#endpoint}`, trustAnchors }, options);
  }

  /** As its operator does. */
  administrate(options: ClientRequestOptions): Promise<StormAnswer | undefined> {
    return this.#ask({ tag: 'socket', path: controlSocketOf(this.dir) }, options);
  }

  /** All of the audit log, while nobody is at work. */
  async audit(): Promise<AuditResponse['entries']> {
    const entries: AuditResponse['entries'] = [];
    for (let after: number | null = 0; after !== null; ) {
      const path: string = `/v1/audit?after=${after}&limit=${AUDIT_ENTRIES_MAX}`;
      const answer = await untilAnswered(() => this.administrate({ method: 'GET', path }));
      const page: AuditResponse = auditResponseSchema.parse(JSON.parse(textOfUtf8(answer.body)));
      entries.push(...page.entries);
      after = page.next;
    }
    return entries;
  }

  async #ask(target: Parameters<typeof exchange>[0], options: ClientRequestOptions): Promise<StormAnswer | undefined> {
    if (this.#isGone) throw new Error('the storm is over');
    this.onAsking();
    try {
      const { status, body, headers } = await exchange(target, options);
      if (options.method === 'POST' && status < 300) this.onAnswered();
      if (status !== 429)
        return {
          status,
          body,
          crlNumber: headers['chainmail-crl-number'] as string | undefined,
        };
    } catch {
      // killed before it answered: nothing was promised
    }
    await pause(RETRY_MS);
    return undefined;
  }
}

export async function untilAnswered(ask: () => Promise<StormAnswer | undefined>): Promise<StormAnswer> {
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
  }
}

/** What a node that nobody knows asks for. */
export async function newCsr(): Promise<string> {
  return encodePem('CERTIFICATE REQUEST', await buildCsr(softwareSigner(generatePkcs8('P-256'))));
}
