import { HOUR_MS, MINUTE_MS, SECOND_MS, toRfc3339 } from '../../base/time.ts';
import type { FlooredClock } from '../../host/machine/floored-clock.ts';
import type { NodeHost } from '../../host/node/node-host.ts';
import { CertificateWatch } from '../../node/time/certificate-watch.ts';
import { CLOCK_SKEW_MS_MAX } from '../../node/time/time-floor.ts';
import type { Certificate } from '../../pki/x509/certificate/certificate.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../log.ts';
import type { AuthorityContact } from './authority-contact.ts';

/** How often the end of the node's certificate and the machine's clock are looked at. Each look wakes the process. */
const LOOK_MS = 5 * MINUTE_MS;

/** Logs what the node does, and tells the authority of revocations that came another way. @returns ends it. */
export function watchEvents(host: NodeHost, contact: AuthorityContact, log: Log): () => void {
  return host.onEvent((event) => {
    switch (event.tag) {
      case 'link-up':
        return log.info({ peer: event.peer, direction: event.direction, address: event.address }, 'link up');
      case 'link-down':
        return log.info({ peer: event.peer, why: event.why }, 'link down');
      case 'crl':
        contact.soon();
        log.info({ number: event.number }, 'revocation list');
        if (event.droppedLive.length > 0)
          log.error(
            {
              number: event.number,
              issuer: event.issuerKeyHash,
              dropped: event.droppedLive.length,
              serials: event.droppedLive.slice(0, 10),
            },
            'the new revocation list leaves out revocations that are still live; they stay in force here. Was the authority put back from an old backup, or is its key stolen?',
          );
        return;
      case 'conflict':
        // Whoever says two things all the time fills no log with it.
        return log[contact.reportConflict(event.origin, event.kept.bytes, event.refused.bytes) ? 'warn' : 'debug'](
          { message_id: event.messageId, origin: event.origin },
          'two messages under one id: a clone?',
        );
      case 'message':
        return log.debug({ message_id: event.held.id, type: event.held.type }, 'message');
    }
  });
}

/** Warns of the end of this node's certificate in good time, and says when it has come. @returns ends it. */
export function watchCertificate(certificate: Certificate, clock: Pick<Clock, 'wall'>, log: Log): () => void {
  const certificates = new CertificateWatch(certificate);
  const look = (): void => {
    const state = certificates.handleTimeout(clock.wall());
    const facts = { not_after: toRfc3339(certificate.notAfter), serial: certificate.serial };
    if (state === 'ending')
      log.warn(
        facts,
        'the certificate of this node ends soon: stop it, enrol it again with a new ticket, and start it',
      );
    if (state === 'ended')
      log.error(
        facts,
        'the certificate of this node has ended: no other node takes it; stop it and enrol it again with a new ticket',
      );
  };
  look();
  const timer = setInterval(look, LOOK_MS).unref();
  return () => clearInterval(timer);
}

/** Says when the machine's clock lies behind what the authority has signed, and again each hour. @returns ends it. */
export function watchClock(clock: Pick<FlooredClock, 'behindMs' | 'monotonic'>, log: Log): () => void {
  let toldAt = Number.NEGATIVE_INFINITY;
  const look = (): void => {
    const { behindMs } = clock;
    if (behindMs <= CLOCK_SKEW_MS_MAX) toldAt = Number.NEGATIVE_INFINITY;
    else if (clock.monotonic() >= toldAt + HOUR_MS) {
      toldAt = clock.monotonic();
      log.error(
        { behind_sec: Math.round(behindMs / SECOND_MS) },
        'the clock of this machine lies behind what the authority has signed: one of the two is wrong, and nothing that has ended is trusted for it',
      );
    }
  };
  look();
  const timer = setInterval(look, LOOK_MS).unref();
  return () => clearInterval(timer);
}
