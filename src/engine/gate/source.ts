import type { NodeId } from '../../identity/node-id.ts';

/** Who handed a message over: a neighbour on a link, a program over HTTP, or this node itself. */
export type Source =
  | { readonly tag: 'link'; readonly link: number; readonly peer: NodeId; readonly bytesLength: number }
  | { readonly tag: 'client'; readonly peer: NodeId; readonly request: number }
  | { readonly tag: 'self'; readonly request: number };
