import assert from 'node:assert/strict';
import type { MessagesResponse } from '../../../src/api/node-programs.ts';
import { fromBase64, textOfUtf8 } from '../../../src/base/bytes.ts';
import { REFUSALS_PER_CLIENT } from '../../../src/http/authority/enrollment/refusal-budget.ts';
import { parseCrl } from '../../../src/pki/x509/crl/crl.ts';
import { chainmail } from './chainmail.ts';
import type { NodeProcess } from './node-process.ts';
import { newCsr, type StormAnswer, type StormAuthority, untilAnswered } from './storm-authority.ts';
import { type Enrolment, leafOf, type StormLedger } from './storm-ledger.ts';

/** Who shows more tickets that are refused is slowed down to one a second (`REFUSALS_PER_CLIENT`). */
const REFUSALS_ASKED_MAX = REFUSALS_PER_CLIENT.burstTokens / 2;

/**
 * Every message is at every node, and says what was acknowledged; ids that nobody was told of are each one content.
 * @returns how many there are of these.
 */
export async function checkMessages({ said }: StormLedger, nodes: readonly NodeProcess[]): Promise<number> {
  const everything = new Set(said.keys());
  const contents = new Map<string, string>();
  for (const node of nodes) {
    await node.untilListed(everything);
    for (const [id, text] of await contentsOf(node)) {
      assert.equal(contents.get(id) ?? text, text, `${id} says two things`);
      contents.set(id, text);
    }
    const { json } = await node.ask({ method: 'GET', path: '/v1/status' });
    assert.equal((json['counters'] as { conflicts: number }).conflicts, 0, 'a node has seen two contents of one id');
  }
  for (const [id, text] of said) assert.equal(contents.get(id), text, id);
  return contents.size - said.size;
}

/**
 * Who has a certificate still has it, and nobody else has one of the same ticket, number or place, told or not. Tickets that
 * others came with as well are tried first: there are not refusals enough for all.
 */
export async function checkEnrolments(ledger: StormLedger, authority: StormAuthority): Promise<void> {
  let refusalsLeft = REFUSALS_ASKED_MAX;
  for (const enrolment of ledger.enrolments.toSorted((a, b) => b.asked.length - a.asked.length)) {
    const { csr, certificate, nodeId } = enrolment;
    if (csr === undefined || certificate === undefined || nodeId === undefined) continue;
    if (!ledger.revoked.has(nodeId)) {
      const text = textOfUtf8((await enrolAgain(authority, enrolment, csr)).body);
      assert.equal((JSON.parse(text) as { certificate?: string }).certificate, certificate, text);
    } else if (refusalsLeft-- > 0) {
      const again = await enrolAgain(authority, enrolment, csr);
      assert.equal(again.status, 403, textOfUtf8(again.body));
    }
    for (const other of [...enrolment.asked, await newCsr()]) {
      if (other === csr || refusalsLeft-- <= 0) continue;
      const { status } = await enrolAgain(authority, enrolment, other);
      assert.equal(status, 400, 'a spent ticket was taken again');
    }
  }
  await checkAudit(ledger, authority);
}

/** The log knows every certificate that was given, each number once, and each ticket at most once: all are for one use. */
async function checkAudit({ enrolments }: StormLedger, authority: StormAuthority): Promise<void> {
  const verified = await chainmail(['audit', 'verify', '--dir', authority.dir, '--json']);
  assert.equal(verified.code, 0, `${verified.stdout}${verified.stderr}`);
  const serials = new Set<string>();
  const tickets = new Set<string>();
  for (const { action, detail } of await authority.audit()) {
    const serial = detail.find(({ name }) => name === 'serial')?.value;
    const ticket = action === 'enrolled' ? detail.find(({ name }) => name === 'ticket')?.value : undefined;
    assert.ok(serial === undefined || !serials.has(serial), `serial ${serial} was issued twice`);
    assert.ok(ticket === undefined || !tickets.has(ticket), `ticket ${ticket} was used twice`);
    if (serial !== undefined && action !== 'revoked') serials.add(serial);
    if (ticket !== undefined) tickets.add(ticket);
  }
  for (const { certificate } of enrolments)
    if (certificate !== undefined) assert.ok(serials.has(leafOf(certificate).serial), 'the log misses a certificate');
}

/** The newest list has every revocation that was acknowledged. */
export async function checkRevocations(ledger: StormLedger, authority: StormAuthority): Promise<void> {
  const { body } = await untilAnswered(() => authority.ask({ method: 'GET', path: '/v1/crl' }));
  ledger.noteList(body);
  const crl = parseCrl(body);
  for (const { nodeId, certificate } of ledger.enrolments) {
    const number = nodeId === undefined ? undefined : ledger.revoked.get(nodeId);
    if (certificate === undefined || number === undefined) continue;
    assert.ok(crl.number >= number, `list ${crl.number} is older than ${number}, which was acknowledged`);
    assert.ok(crl.revocationOf(leafOf(certificate).serial) !== undefined, `${nodeId} is no longer revoked`);
  }
}

function enrolAgain(authority: StormAuthority, { token }: Enrolment, csr: string): Promise<StormAnswer> {
  return untilAnswered(() => authority.administrate({ method: 'POST', path: '/v1/enroll', body: { token, csr } }));
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
