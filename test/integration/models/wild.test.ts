import { describeWithPython } from '../../support/python.js'
import { testManifest } from '../../support/wild.js'

describeWithPython('checkpoints in the wild', 'scripts/wild.py', testManifest)
