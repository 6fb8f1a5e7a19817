import type { Bytes } from '../base/bytes.ts';
import type { Instant } from '../base/time.ts';
import type { RestoredNode } from '../ports/node-store.ts';
import type { NodeParts } from './node-parts.ts';

/** With this a certificate begins, and no delegate statement. */
const TAG_SEQUENCE = 0x30;

/** Gives the parts of a new node what its store kept. What is not believed any more is dropped. */
export function restoreNode(now: Instant, restored: RestoredNode, parts: NodeParts): void {
  const { chains, enforcement, exchange, holdings, origins, own, intake } = parts;
  const isStatement = ([first]: readonly Bytes[]): boolean => first?.[0] !== TAG_SEQUENCE;
  for (const ders of restored.chains)
    if (!isStatement(ders))
      chains.add(
        ders.map((der) => parts.readCertificate(der)),
        now.wall,
      );
  enforcement.restore(now, restored);
  // Statements stand on branches, and those on the lists.
  for (const [bytes] of restored.chains.filter(isStatement)) if (bytes !== undefined) exchange.takeBack(now, bytes);
  holdings.restore(now.wall, restored, origins);
  own.reopen(restored.incarnation);
  for (const { nodeId } of holdings.records.values()) intake.learnAddresses(now, nodeId);
}
