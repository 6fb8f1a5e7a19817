import type { Command } from 'commander';
import { type HeldMessageJson, heldMessageSchema } from '../../../api/node-programs.ts';
import { fromBase64, toHex } from '../../../base/bytes.ts';
import { MeshError } from '../../../base/errors.ts';
import { act, addCommand } from '../../command.ts';
import { nodeDeskOf, type NodeDirectoryOptions, withNodeDirectory } from '../../node-directory.ts';
import { untilStopped } from '../../signals.ts';

/** `chainmail watch` */
export function register(program: Command): void {
  withNodeDirectory(
    addCommand(
      program,
      'watch',
      'show messages as they come, until Ctrl-C',
      'chainmail watch --dir /var/lib/chainmail-node --type sensor/temperature',
    ),
  )
    .option('--for-me', 'leave out what is addressed to other nodes, or to roles that this one has not')
    .option('--type <type>', 'only these: indicator, sensor/TOPIC, or sensor/* for all below')
    .action(
      act<NodeDirectoryOptions & { readonly type?: string; readonly forMe?: true }>(async ({ output, options }) => {
        const stopped = new AbortController();
        void untilStopped().then(() => stopped.abort());
        const desk = nodeDeskOf(options);
        const query = new URLSearchParams({ follow: '1', for: options.forMe === true ? 'me' : 'all' });
        if (options.type !== undefined) query.set('type', options.type);
        const path = `/v1/messages?${query.toString()}`;
        try {
          for await (const message of desk.follow(heldMessageSchema, path, stopped.signal))
            output.event(message, render(message));
        } catch (error) {
          if (!stopped.signal.aborted) throw error;
        }
        if (!stopped.signal.aborted)
          throw new MeshError('ERR_NOT_RUNNING', 'the node has ended', 'start it again, then watch again');
      }),
    );
}

function render({ received_at, origin, type, audience, payload }: HeldMessageJson): string {
  const to = audience === undefined ? '' : ` to ${audience}`;
  return `${received_at}  ${origin}${to}  ${type}  ${payloadText(payload)}`;
}

/** Text where it is printable, else hex. */
function payloadText(base64: string): string {
  const bytes = fromBase64(base64);
  const text = new TextDecoder().decode(bytes);
  return /^[^\p{Cc}\ufffd]*\n?$/u.test(text) ? text.trimEnd() : toHex(bytes);
}
