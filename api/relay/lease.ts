import type { Store, Transaction } from '../store/store.ts';

/**
 * Work that one replica does at a time. The holder renews it; who finds it expired takes it over. Times are the
 * database's, so that replicas need no common clock. A holder that slept through its expiry is stopped by
 * {@link Lease.lock} in the transaction that it then wants to write.
 */
export class Lease {
  readonly #store: Store;
  readonly #name: string;
  readonly #holder: string;
  readonly #seconds: number;
  #renewAt = 0;
  #held = false;

  constructor(store: Store, name: string, holder: string, seconds: number) {
    this.#store = store;
    this.#name = name;
    this.#holder = holder;
    this.#seconds = seconds;
  }

  get held(): boolean {
    return this.#held;
  }

  /** Takes or renews the lease, and says whether it is ours. Asks the database only when a third of it has passed. */
  async hold(): Promise<boolean> {
    if (this.#held && performance.now() < this.#renewAt) return true;
    const asked = performance.now();
    const written = await this.#store.execute(
      `INSERT INTO leases (name, holder, expires_at) VALUES ($1, $2, now() + $3 * interval '1 second')
       ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
       WHERE leases.holder = excluded.holder OR leases.expires_at < now()`,
      [this.#name, this.#holder, this.#seconds],
    );
    this.#held = written > 0;
    this.#renewAt = asked + (this.#seconds * 1000) / 3;
    return this.#held;
  }

  /** Whether the lease is ours, locked until the transaction ends: nobody can take it over meanwhile. */
  async lock(transaction: Transaction): Promise<boolean> {
    const rows = await transaction.query(
      'SELECT 1 AS held FROM leases WHERE name = $1 AND holder = $2 AND expires_at > now() FOR UPDATE',
      [this.#name, this.#holder],
    );
    if (rows.length === 0) this.#held = false;
    return rows.length > 0;
  }

  async release(): Promise<void> {
    this.#held = false;
    await this.#store.execute('DELETE FROM leases WHERE name = $1 AND holder = $2', [
      this.#name,
      this.#holder,
    ]);
  }
}
