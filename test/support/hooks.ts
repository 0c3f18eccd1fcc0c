import { memory } from 'napi-torch'

let before = 0

/** Fails every test that leaves tensors alive: the code that creates a tensor disposes it. */
export const mochaHooks = {
  beforeEach(): void {
    before = memory().tensors
  },

  afterEach(this: Mocha.Context): void {
    const left = memory().tensors - before
    if (left > 0 && this.currentTest?.state !== 'failed') {
      throw new Error(`The test left ${left} live tensor(s): dispose them or wrap the test in scope()`)
    }
  },
}
