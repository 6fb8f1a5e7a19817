/** How many requests a client may send in how long. */
export interface RequestRate {
  readonly requestsMax: number;
  readonly windowMs: number;
}
