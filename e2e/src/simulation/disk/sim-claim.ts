/** On the simulated disk nobody else wants the directory. */
export class DirectoryClaim {
  static async make(): Promise<DirectoryClaim> {
    return new DirectoryClaim()
  }

  async end(): Promise<void> {
    // Nobody waits for it.
  }
}
