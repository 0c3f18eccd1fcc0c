// Written by scripts/model_table.ts.

/**
 * A module a line: its tensors, as `weight:64,3,7,7`, and the modules in it, as `conv1>7` with the line, from 0, of that module.
 * `bn:64` stands for the five tensors of a batch normalization. K is the number of classes, I that of the image's channels, P that
 * of positions. A module behind a question mark may be missing.
 */
export const MODULES = `
weight:64,I,11,11 bias:64
weight:192,64,5,5 bias:192
weight:384,192,3,3 bias:384
weight:256,384,3,3 bias:256
weight:256,256,3,3 bias:256
0>0 3>1 6>2 8>3 10>4
weight:4096,9216 bias:4096
weight:4096,4096 bias:4096
weight:K,4096 bias:K
1>6 4>7 6>8
features>5 classifier>9
weight:96,I,4,4 bias:96
weight:96 bias:96
0>11 1>12
weight:96,1,7,7 bias:96
weight:384,96 bias:384
weight:96,384 bias:96
0>14 2>12 3>15 5>16
layer_scale:96,1,1 block>17
0>18 1>18 2>18
weight:192,96,2,2 bias:192
0>12 1>20
weight:192,1,7,7 bias:192
weight:192 bias:192
weight:768,192 bias:768
weight:192,768 bias:192
0>22 2>23 3>24 5>25
layer_scale:192,1,1 block>26
0>27 1>27 2>27
weight:384,192,2,2 bias:384
0>23 1>29
weight:384,1,7,7 bias:384
weight:384 bias:384
weight:1536,384 bias:1536
weight:384,1536 bias:384
0>31 2>32 3>33 5>34
layer_scale:384,1,1 block>35
0>36 1>36 2>36 3>36 4>36 5>36 6>36 7>36 8>36
weight:768,384,2,2 bias:768
0>32 1>38
weight:768,1,7,7 bias:768
weight:768 bias:768
weight:3072,768 bias:3072
weight:768,3072 bias:768
0>40 2>41 3>42 5>43
layer_scale:768,1,1 block>44
0>45 1>45 2>45
0>13 1>19 2>21 3>28 4>30 5>37 6>39 7>46
weight:K,768 bias:K
0>41 2>48
features>47 classifier>49
0>36 1>36 2>36 3>36 4>36 5>36 6>36 7>36 8>36 9>36 10>36 11>36 12>36 13>36 14>36 15>36 16>36 17>36 18>36 19>36 20>36 21>36 22>36 23>36 24>36 25>36 26>36
0>13 1>19 2>21 3>28 4>30 5>51 6>39 7>46
features>52 classifier>49
weight:128,I,4,4 bias:128
weight:128 bias:128
0>54 1>55
weight:128,1,7,7 bias:128
weight:512,128 bias:512
weight:128,512 bias:128
0>57 2>55 3>58 5>59
layer_scale:128,1,1 block>60
0>61 1>61 2>61
weight:256,128,2,2 bias:256
0>55 1>63
weight:256,1,7,7 bias:256
weight:256 bias:256
weight:1024,256 bias:1024
weight:256,1024 bias:256
0>65 2>66 3>67 5>68
layer_scale:256,1,1 block>69
0>70 1>70 2>70
weight:512,256,2,2 bias:512
0>66 1>72
weight:512,1,7,7 bias:512
weight:512 bias:512
weight:2048,512 bias:2048
weight:512,2048 bias:512
0>74 2>75 3>76 5>77
layer_scale:512,1,1 block>78
0>79 1>79 2>79 3>79 4>79 5>79 6>79 7>79 8>79 9>79 10>79 11>79 12>79 13>79 14>79 15>79 16>79 17>79 18>79 19>79 20>79 21>79 22>79 23>79 24>79 25>79 26>79
weight:1024,512,2,2 bias:1024
0>75 1>81
weight:1024,1,7,7 bias:1024
weight:1024 bias:1024
weight:4096,1024 bias:4096
weight:1024,4096 bias:1024
0>83 2>84 3>85 5>86
layer_scale:1024,1,1 block>87
0>88 1>88 2>88
0>56 1>62 2>64 3>71 4>73 5>80 6>82 7>89
weight:K,1024 bias:K
0>84 2>91
features>90 classifier>92
weight:192,I,4,4 bias:192
0>94 1>23
0>36 1>36 2>36
0>45 1>45 2>45 3>45 4>45 5>45 6>45 7>45 8>45 9>45 10>45 11>45 12>45 13>45 14>45 15>45 16>45 17>45 18>45 19>45 20>45 21>45 22>45 23>45 24>45 25>45 26>45
weight:1536,768,2,2 bias:1536
0>41 1>98
weight:1536,1,7,7 bias:1536
weight:1536 bias:1536
weight:6144,1536 bias:6144
weight:1536,6144 bias:1536
0>100 2>101 3>102 5>103
layer_scale:1536,1,1 block>104
0>105 1>105 2>105
0>95 1>28 2>30 3>96 4>39 5>97 6>99 7>106
weight:K,1536 bias:K
0>101 2>108
features>107 classifier>109
weight:64,I,7,7
bn:64
weight:128,64,1,1
bn:128
weight:32,128,3,3
norm1>112 conv1>113 norm2>114 conv2>115
bn:96
weight:128,96,1,1
norm1>117 conv1>118 norm2>114 conv2>115
weight:128,128,1,1
norm1>114 conv1>120 norm2>114 conv2>115
bn:160
weight:128,160,1,1
norm1>122 conv1>123 norm2>114 conv2>115
bn:192
weight:128,192,1,1
norm1>125 conv1>126 norm2>114 conv2>115
bn:224
weight:128,224,1,1
norm1>128 conv1>129 norm2>114 conv2>115
denselayer1>116 denselayer2>119 denselayer3>121 denselayer4>124 denselayer5>127 denselayer6>130
bn:256
weight:128,256,1,1
norm>132 conv>133
norm1>132 conv1>133 norm2>114 conv2>115
bn:288
weight:128,288,1,1
norm1>136 conv1>137 norm2>114 conv2>115
bn:320
weight:128,320,1,1
norm1>139 conv1>140 norm2>114 conv2>115
bn:352
weight:128,352,1,1
norm1>142 conv1>143 norm2>114 conv2>115
bn:384
weight:128,384,1,1
norm1>145 conv1>146 norm2>114 conv2>115
bn:416
weight:128,416,1,1
norm1>148 conv1>149 norm2>114 conv2>115
bn:448
weight:128,448,1,1
norm1>151 conv1>152 norm2>114 conv2>115
bn:480
weight:128,480,1,1
norm1>154 conv1>155 norm2>114 conv2>115
denselayer1>121 denselayer2>124 denselayer3>127 denselayer4>130 denselayer5>135 denselayer6>138 denselayer7>141 denselayer8>144 denselayer9>147 denselayer10>150 denselayer11>153 denselayer12>156
bn:512
weight:256,512,1,1
norm>158 conv>159
weight:128,512,1,1
norm1>158 conv1>161 norm2>114 conv2>115
bn:544
weight:128,544,1,1
norm1>163 conv1>164 norm2>114 conv2>115
bn:576
weight:128,576,1,1
norm1>166 conv1>167 norm2>114 conv2>115
bn:608
weight:128,608,1,1
norm1>169 conv1>170 norm2>114 conv2>115
bn:640
weight:128,640,1,1
norm1>172 conv1>173 norm2>114 conv2>115
bn:672
weight:128,672,1,1
norm1>175 conv1>176 norm2>114 conv2>115
bn:704
weight:128,704,1,1
norm1>178 conv1>179 norm2>114 conv2>115
bn:736
weight:128,736,1,1
norm1>181 conv1>182 norm2>114 conv2>115
bn:768
weight:128,768,1,1
norm1>184 conv1>185 norm2>114 conv2>115
bn:800
weight:128,800,1,1
norm1>187 conv1>188 norm2>114 conv2>115
bn:832
weight:128,832,1,1
norm1>190 conv1>191 norm2>114 conv2>115
bn:864
weight:128,864,1,1
norm1>193 conv1>194 norm2>114 conv2>115
bn:896
weight:128,896,1,1
norm1>196 conv1>197 norm2>114 conv2>115
bn:928
weight:128,928,1,1
norm1>199 conv1>200 norm2>114 conv2>115
bn:960
weight:128,960,1,1
norm1>202 conv1>203 norm2>114 conv2>115
bn:992
weight:128,992,1,1
norm1>205 conv1>206 norm2>114 conv2>115
denselayer1>135 denselayer2>138 denselayer3>141 denselayer4>144 denselayer5>147 denselayer6>150 denselayer7>153 denselayer8>156 denselayer9>162 denselayer10>165 denselayer11>168 denselayer12>171 denselayer13>174 denselayer14>177 denselayer15>180 denselayer16>183 denselayer17>186 denselayer18>189 denselayer19>192 denselayer20>195 denselayer21>198 denselayer22>201 denselayer23>204 denselayer24>207
bn:1024
weight:512,1024,1,1
norm>209 conv>210
denselayer1>162 denselayer2>165 denselayer3>168 denselayer4>171 denselayer5>174 denselayer6>177 denselayer7>180 denselayer8>183 denselayer9>186 denselayer10>189 denselayer11>192 denselayer12>195 denselayer13>198 denselayer14>201 denselayer15>204 denselayer16>207
conv0>111 norm0>112 denseblock1>131 transition1>134 denseblock2>157 transition2>160 denseblock3>208 transition3>211 denseblock4>212 norm5>209
features>213 classifier>91
weight:96,I,7,7
weight:192,96,1,1
weight:48,192,3,3
norm1>117 conv1>216 norm2>125 conv2>217
bn:144
weight:192,144,1,1
norm1>219 conv1>220 norm2>125 conv2>217
weight:192,192,1,1
norm1>125 conv1>222 norm2>125 conv2>217
bn:240
weight:192,240,1,1
norm1>224 conv1>225 norm2>125 conv2>217
weight:192,288,1,1
norm1>136 conv1>227 norm2>125 conv2>217
bn:336
weight:192,336,1,1
norm1>229 conv1>230 norm2>125 conv2>217
denselayer1>218 denselayer2>221 denselayer3>223 denselayer4>226 denselayer5>228 denselayer6>231
weight:192,384,1,1
norm>145 conv>233
norm1>145 conv1>233 norm2>125 conv2>217
bn:432
weight:192,432,1,1
norm1>236 conv1>237 norm2>125 conv2>217
weight:192,480,1,1
norm1>154 conv1>239 norm2>125 conv2>217
bn:528
weight:192,528,1,1
norm1>241 conv1>242 norm2>125 conv2>217
weight:192,576,1,1
norm1>166 conv1>244 norm2>125 conv2>217
bn:624
weight:192,624,1,1
norm1>246 conv1>247 norm2>125 conv2>217
weight:192,672,1,1
norm1>175 conv1>249 norm2>125 conv2>217
bn:720
weight:192,720,1,1
norm1>251 conv1>252 norm2>125 conv2>217
denselayer1>223 denselayer2>226 denselayer3>228 denselayer4>231 denselayer5>235 denselayer6>238 denselayer7>240 denselayer8>243 denselayer9>245 denselayer10>248 denselayer11>250 denselayer12>253
weight:384,768,1,1
norm>184 conv>255
weight:192,768,1,1
norm1>184 conv1>257 norm2>125 conv2>217
bn:816
weight:192,816,1,1
norm1>259 conv1>260 norm2>125 conv2>217
weight:192,864,1,1
norm1>193 conv1>262 norm2>125 conv2>217
bn:912
weight:192,912,1,1
norm1>264 conv1>265 norm2>125 conv2>217
weight:192,960,1,1
norm1>202 conv1>267 norm2>125 conv2>217
bn:1008
weight:192,1008,1,1
norm1>269 conv1>270 norm2>125 conv2>217
bn:1056
weight:192,1056,1,1
norm1>272 conv1>273 norm2>125 conv2>217
bn:1104
weight:192,1104,1,1
norm1>275 conv1>276 norm2>125 conv2>217
bn:1152
weight:192,1152,1,1
norm1>278 conv1>279 norm2>125 conv2>217
bn:1200
weight:192,1200,1,1
norm1>281 conv1>282 norm2>125 conv2>217
bn:1248
weight:192,1248,1,1
norm1>284 conv1>285 norm2>125 conv2>217
bn:1296
weight:192,1296,1,1
norm1>287 conv1>288 norm2>125 conv2>217
bn:1344
weight:192,1344,1,1
norm1>290 conv1>291 norm2>125 conv2>217
bn:1392
weight:192,1392,1,1
norm1>293 conv1>294 norm2>125 conv2>217
bn:1440
weight:192,1440,1,1
norm1>296 conv1>297 norm2>125 conv2>217
bn:1488
weight:192,1488,1,1
norm1>299 conv1>300 norm2>125 conv2>217
bn:1536
weight:192,1536,1,1
norm1>302 conv1>303 norm2>125 conv2>217
bn:1584
weight:192,1584,1,1
norm1>305 conv1>306 norm2>125 conv2>217
bn:1632
weight:192,1632,1,1
norm1>308 conv1>309 norm2>125 conv2>217
bn:1680
weight:192,1680,1,1
norm1>311 conv1>312 norm2>125 conv2>217
bn:1728
weight:192,1728,1,1
norm1>314 conv1>315 norm2>125 conv2>217
bn:1776
weight:192,1776,1,1
norm1>317 conv1>318 norm2>125 conv2>217
bn:1824
weight:192,1824,1,1
norm1>320 conv1>321 norm2>125 conv2>217
bn:1872
weight:192,1872,1,1
norm1>323 conv1>324 norm2>125 conv2>217
bn:1920
weight:192,1920,1,1
norm1>326 conv1>327 norm2>125 conv2>217
bn:1968
weight:192,1968,1,1
norm1>329 conv1>330 norm2>125 conv2>217
bn:2016
weight:192,2016,1,1
norm1>332 conv1>333 norm2>125 conv2>217
bn:2064
weight:192,2064,1,1
norm1>335 conv1>336 norm2>125 conv2>217
denselayer1>235 denselayer2>238 denselayer3>240 denselayer4>243 denselayer5>245 denselayer6>248 denselayer7>250 denselayer8>253 denselayer9>258 denselayer10>261 denselayer11>263 denselayer12>266 denselayer13>268 denselayer14>271 denselayer15>274 denselayer16>277 denselayer17>280 denselayer18>283 denselayer19>286 denselayer20>289 denselayer21>292 denselayer22>295 denselayer23>298 denselayer24>301 denselayer25>304 denselayer26>307 denselayer27>310 denselayer28>313 denselayer29>316 denselayer30>319 denselayer31>322 denselayer32>325 denselayer33>328 denselayer34>331 denselayer35>334 denselayer36>337
bn:2112
weight:1056,2112,1,1
norm>339 conv>340
weight:192,2112,1,1
norm1>339 conv1>342 norm2>125 conv2>217
bn:2160
weight:192,2160,1,1
norm1>344 conv1>345 norm2>125 conv2>217
denselayer1>274 denselayer2>277 denselayer3>280 denselayer4>283 denselayer5>286 denselayer6>289 denselayer7>292 denselayer8>295 denselayer9>298 denselayer10>301 denselayer11>304 denselayer12>307 denselayer13>310 denselayer14>313 denselayer15>316 denselayer16>319 denselayer17>322 denselayer18>325 denselayer19>328 denselayer20>331 denselayer21>334 denselayer22>337 denselayer23>343 denselayer24>346
bn:2208
conv0>215 norm0>117 denseblock1>232 transition1>234 denseblock2>254 transition2>256 denseblock3>338 transition3>341 denseblock4>347 norm5>348
weight:K,2208 bias:K
features>349 classifier>350
weight:128,1024,1,1
norm1>209 conv1>352 norm2>114 conv2>115
weight:128,1056,1,1
norm1>272 conv1>354 norm2>114 conv2>115
bn:1088
weight:128,1088,1,1
norm1>356 conv1>357 norm2>114 conv2>115
bn:1120
weight:128,1120,1,1
norm1>359 conv1>360 norm2>114 conv2>115
weight:128,1152,1,1
norm1>278 conv1>362 norm2>114 conv2>115
bn:1184
weight:128,1184,1,1
norm1>364 conv1>365 norm2>114 conv2>115
bn:1216
weight:128,1216,1,1
norm1>367 conv1>368 norm2>114 conv2>115
weight:128,1248,1,1
norm1>284 conv1>370 norm2>114 conv2>115
denselayer1>135 denselayer2>138 denselayer3>141 denselayer4>144 denselayer5>147 denselayer6>150 denselayer7>153 denselayer8>156 denselayer9>162 denselayer10>165 denselayer11>168 denselayer12>171 denselayer13>174 denselayer14>177 denselayer15>180 denselayer16>183 denselayer17>186 denselayer18>189 denselayer19>192 denselayer20>195 denselayer21>198 denselayer22>201 denselayer23>204 denselayer24>207 denselayer25>353 denselayer26>355 denselayer27>358 denselayer28>361 denselayer29>363 denselayer30>366 denselayer31>369 denselayer32>371
bn:1280
weight:640,1280,1,1
norm>373 conv>374
weight:128,1280,1,1
norm1>373 conv1>376 norm2>114 conv2>115
bn:1312
weight:128,1312,1,1
norm1>378 conv1>379 norm2>114 conv2>115
weight:128,1344,1,1
norm1>290 conv1>381 norm2>114 conv2>115
bn:1376
weight:128,1376,1,1
norm1>383 conv1>384 norm2>114 conv2>115
bn:1408
weight:128,1408,1,1
norm1>386 conv1>387 norm2>114 conv2>115
weight:128,1440,1,1
norm1>296 conv1>389 norm2>114 conv2>115
bn:1472
weight:128,1472,1,1
norm1>391 conv1>392 norm2>114 conv2>115
bn:1504
weight:128,1504,1,1
norm1>394 conv1>395 norm2>114 conv2>115
weight:128,1536,1,1
norm1>302 conv1>397 norm2>114 conv2>115
bn:1568
weight:128,1568,1,1
norm1>399 conv1>400 norm2>114 conv2>115
bn:1600
weight:128,1600,1,1
norm1>402 conv1>403 norm2>114 conv2>115
weight:128,1632,1,1
norm1>308 conv1>405 norm2>114 conv2>115
denselayer1>174 denselayer2>177 denselayer3>180 denselayer4>183 denselayer5>186 denselayer6>189 denselayer7>192 denselayer8>195 denselayer9>198 denselayer10>201 denselayer11>204 denselayer12>207 denselayer13>353 denselayer14>355 denselayer15>358 denselayer16>361 denselayer17>363 denselayer18>366 denselayer19>369 denselayer20>371 denselayer21>377 denselayer22>380 denselayer23>382 denselayer24>385 denselayer25>388 denselayer26>390 denselayer27>393 denselayer28>396 denselayer29>398 denselayer30>401 denselayer31>404 denselayer32>406
bn:1664
conv0>111 norm0>112 denseblock1>131 transition1>134 denseblock2>157 transition2>160 denseblock3>372 transition3>375 denseblock4>407 norm5>408
weight:K,1664 bias:K
features>409 classifier>410
weight:128,1664,1,1
norm1>408 conv1>412 norm2>114 conv2>115
bn:1696
weight:128,1696,1,1
norm1>414 conv1>415 norm2>114 conv2>115
weight:128,1728,1,1
norm1>314 conv1>417 norm2>114 conv2>115
bn:1760
weight:128,1760,1,1
norm1>419 conv1>420 norm2>114 conv2>115
denselayer1>135 denselayer2>138 denselayer3>141 denselayer4>144 denselayer5>147 denselayer6>150 denselayer7>153 denselayer8>156 denselayer9>162 denselayer10>165 denselayer11>168 denselayer12>171 denselayer13>174 denselayer14>177 denselayer15>180 denselayer16>183 denselayer17>186 denselayer18>189 denselayer19>192 denselayer20>195 denselayer21>198 denselayer22>201 denselayer23>204 denselayer24>207 denselayer25>353 denselayer26>355 denselayer27>358 denselayer28>361 denselayer29>363 denselayer30>366 denselayer31>369 denselayer32>371 denselayer33>377 denselayer34>380 denselayer35>382 denselayer36>385 denselayer37>388 denselayer38>390 denselayer39>393 denselayer40>396 denselayer41>398 denselayer42>401 denselayer43>404 denselayer44>406 denselayer45>413 denselayer46>416 denselayer47>418 denselayer48>421
bn:1792
weight:896,1792,1,1
norm>423 conv>424
weight:128,1792,1,1
norm1>423 conv1>426 norm2>114 conv2>115
weight:128,1824,1,1
norm1>320 conv1>428 norm2>114 conv2>115
bn:1856
weight:128,1856,1,1
norm1>430 conv1>431 norm2>114 conv2>115
bn:1888
weight:128,1888,1,1
norm1>433 conv1>434 norm2>114 conv2>115
denselayer1>198 denselayer2>201 denselayer3>204 denselayer4>207 denselayer5>353 denselayer6>355 denselayer7>358 denselayer8>361 denselayer9>363 denselayer10>366 denselayer11>369 denselayer12>371 denselayer13>377 denselayer14>380 denselayer15>382 denselayer16>385 denselayer17>388 denselayer18>390 denselayer19>393 denselayer20>396 denselayer21>398 denselayer22>401 denselayer23>404 denselayer24>406 denselayer25>413 denselayer26>416 denselayer27>418 denselayer28>421 denselayer29>427 denselayer30>429 denselayer31>432 denselayer32>435
conv0>111 norm0>112 denseblock1>131 transition1>134 denseblock2>157 transition2>160 denseblock3>422 transition3>425 denseblock4>436 norm5>326
weight:K,1920 bias:K
features>437 classifier>438
weight:32,I,3,3
bn:32
0>440 1>441
weight:32,1,3,3
0>443 1>441
weight:8,32,1,1 bias:8
weight:32,8,1,1 bias:32
fc1>445 fc2>446
weight:16,32,1,1
bn:16
0>448 1>449
0>444 1>447 2>450
block>451
0>452
weight:96,16,1,1
0>454 1>117
weight:96,1,3,3
0>456 1>117
weight:4,96,1,1 bias:4
weight:96,4,1,1 bias:96
fc1>458 fc2>459
weight:24,96,1,1
bn:24
0>461 1>462
0>455 1>457 2>460 3>463
block>464
weight:144,24,1,1
0>466 1>219
weight:144,1,3,3
0>468 1>219
weight:6,144,1,1 bias:6
weight:144,6,1,1 bias:144
fc1>470 fc2>471
weight:24,144,1,1
0>473 1>462
0>467 1>469 2>472 3>474
block>475
0>465 1>476
weight:144,1,5,5
0>478 1>219
weight:40,144,1,1
bn:40
0>480 1>481
0>467 1>479 2>472 3>482
block>483
weight:240,40,1,1
0>485 1>224
weight:240,1,5,5
0>487 1>224
weight:10,240,1,1 bias:10
weight:240,10,1,1 bias:240
fc1>489 fc2>490
weight:40,240,1,1
0>492 1>481
0>486 1>488 2>491 3>493
block>494
0>484 1>495
weight:240,1,3,3
0>497 1>224
weight:80,240,1,1
bn:80
0>499 1>500
0>486 1>498 2>491 3>501
block>502
weight:480,80,1,1
0>504 1>154
weight:480,1,3,3
0>506 1>154
weight:20,480,1,1 bias:20
weight:480,20,1,1 bias:480
fc1>508 fc2>509
weight:80,480,1,1
0>511 1>500
0>505 1>507 2>510 3>512
block>513
0>503 1>514 2>514
weight:480,1,5,5
0>516 1>154
weight:112,480,1,1
bn:112
0>518 1>519
0>505 1>517 2>510 3>520
block>521
weight:672,112,1,1
0>523 1>175
weight:672,1,5,5
0>525 1>175
weight:28,672,1,1 bias:28
weight:672,28,1,1 bias:672
fc1>527 fc2>528
weight:112,672,1,1
0>530 1>519
0>524 1>526 2>529 3>531
block>532
0>522 1>533 2>533
0>249 1>125
0>524 1>526 2>529 3>535
block>536
weight:1152,192,1,1
0>538 1>278
weight:1152,1,5,5
0>540 1>278
weight:48,1152,1,1 bias:48
weight:1152,48,1,1 bias:1152
fc1>542 fc2>543
0>279 1>125
0>539 1>541 2>544 3>545
block>546
0>537 1>547 2>547 3>547
weight:1152,1,3,3
0>549 1>278
weight:320,1152,1,1
0>551 1>139
0>539 1>550 2>544 3>552
block>553
0>554
weight:1280,320,1,1
0>556 1>373
0>442 1>453 2>477 3>496 4>515 5>534 6>548 7>555 8>557
weight:K,1280 bias:K
1>559
features>558 classifier>560
weight:16,1,3,3
0>562 1>449
weight:4,16,1,1 bias:4
weight:16,4,1,1 bias:16
fc1>564 fc2>565
weight:16,16,1,1
0>567 1>449
0>563 1>566 2>568
block>569
0>452 1>570
0>465 1>476 2>476
0>484 1>495 2>495
0>503 1>514 2>514 3>514
0>522 1>533 2>533 3>533
0>537 1>547 2>547 3>547 4>547
weight:1920,320,1,1
0>577 1>326
weight:1920,1,3,3
0>579 1>326
weight:80,1920,1,1 bias:80
weight:1920,80,1,1 bias:1920
fc1>581 fc2>582
weight:320,1920,1,1
0>584 1>139
0>578 1>580 2>583 3>585
block>586
0>554 1>587
0>442 1>571 2>572 3>573 4>574 5>575 6>576 7>588 8>557
features>589 classifier>560
weight:48,144,1,1
bn:48
0>591 1>592
0>467 1>479 2>472 3>593
block>594
weight:288,48,1,1
0>596 1>136
weight:288,1,5,5
0>598 1>136
weight:12,288,1,1 bias:12
weight:288,12,1,1 bias:288
fc1>600 fc2>601
weight:48,288,1,1
0>603 1>592
0>597 1>599 2>602 3>604
block>605
0>595 1>606 2>606
weight:288,1,3,3
0>608 1>136
weight:88,288,1,1
bn:88
0>610 1>611
0>597 1>609 2>602 3>612
block>613
weight:528,88,1,1
0>615 1>241
weight:528,1,3,3
0>617 1>241
weight:22,528,1,1 bias:22
weight:528,22,1,1 bias:528
fc1>619 fc2>620
weight:88,528,1,1
0>622 1>611
0>616 1>618 2>621 3>623
block>624
0>614 1>625 2>625 3>625
weight:528,1,5,5
0>627 1>241
weight:120,528,1,1
bn:120
0>629 1>630
0>616 1>628 2>621 3>631
block>632
weight:720,120,1,1
0>634 1>251
weight:720,1,5,5
0>636 1>251
weight:30,720,1,1 bias:30
weight:720,30,1,1 bias:720
fc1>638 fc2>639
weight:120,720,1,1
0>641 1>630
0>635 1>637 2>640 3>642
block>643
0>633 1>644 2>644 3>644
weight:208,720,1,1
bn:208
0>646 1>647
0>635 1>637 2>640 3>648
block>649
weight:1248,208,1,1
0>651 1>284
weight:1248,1,5,5
0>653 1>284
weight:52,1248,1,1 bias:52
weight:1248,52,1,1 bias:1248
fc1>655 fc2>656
weight:208,1248,1,1
0>658 1>647
0>652 1>654 2>657 3>659
block>660
0>650 1>661 2>661 3>661 4>661
weight:1248,1,3,3
0>663 1>284
weight:352,1248,1,1
0>665 1>142
0>652 1>664 2>657 3>666
block>667
weight:2112,352,1,1
0>669 1>339
weight:2112,1,3,3
0>671 1>339
weight:88,2112,1,1 bias:88
weight:2112,88,1,1 bias:2112
fc1>673 fc2>674
weight:352,2112,1,1
0>676 1>142
0>670 1>672 2>675 3>677
block>678
0>668 1>679
weight:1408,352,1,1
0>681 1>386
0>442 1>571 2>572 3>607 4>626 5>645 6>662 7>680 8>682
weight:K,1408 bias:K
1>684
features>683 classifier>685
weight:40,I,3,3
0>687 1>481
weight:40,1,3,3
0>689 1>481
weight:10,40,1,1 bias:10
weight:40,10,1,1 bias:40
fc1>691 fc2>692
weight:24,40,1,1
0>694 1>462
0>690 1>693 2>695
block>696
weight:24,1,3,3
0>698 1>462
weight:6,24,1,1 bias:6
weight:24,6,1,1 bias:24
fc1>700 fc2>701
weight:24,24,1,1
0>703 1>462
0>699 1>702 2>704
block>705
0>697 1>706
weight:32,144,1,1
0>708 1>441
0>467 1>469 2>472 3>709
block>710
weight:192,32,1,1
0>712 1>125
weight:192,1,3,3
0>714 1>125
weight:8,192,1,1 bias:8
weight:192,8,1,1 bias:192
fc1>716 fc2>717
weight:32,192,1,1
0>719 1>441
0>713 1>715 2>718 3>720
block>721
0>711 1>722 2>722
weight:192,1,5,5
0>724 1>125
weight:48,192,1,1
0>726 1>592
0>713 1>725 2>718 3>727
block>728
0>729 1>606 2>606
weight:96,288,1,1
0>731 1>117
0>597 1>609 2>602 3>732
block>733
weight:576,96,1,1
0>735 1>166
weight:576,1,3,3
0>737 1>166
weight:24,576,1,1 bias:24
weight:576,24,1,1 bias:576
fc1>739 fc2>740
weight:96,576,1,1
0>742 1>117
0>736 1>738 2>741 3>743
block>744
0>734 1>745 2>745 3>745 4>745
weight:576,1,5,5
0>747 1>166
weight:136,576,1,1
bn:136
0>749 1>750
0>736 1>748 2>741 3>751
block>752
weight:816,136,1,1
0>754 1>259
weight:816,1,5,5
0>756 1>259
weight:34,816,1,1 bias:34
weight:816,34,1,1 bias:816
fc1>758 fc2>759
weight:136,816,1,1
0>761 1>750
0>755 1>757 2>760 3>762
block>763
0>753 1>764 2>764 3>764 4>764
weight:232,816,1,1
bn:232
0>766 1>767
0>755 1>757 2>760 3>768
block>769
weight:1392,232,1,1
0>771 1>293
weight:1392,1,5,5
0>773 1>293
weight:58,1392,1,1 bias:58
weight:1392,58,1,1 bias:1392
fc1>775 fc2>776
weight:232,1392,1,1
0>778 1>767
0>772 1>774 2>777 3>779
block>780
0>770 1>781 2>781 3>781 4>781 5>781
weight:1392,1,3,3
0>783 1>293
weight:384,1392,1,1
0>785 1>145
0>772 1>784 2>777 3>786
block>787
weight:2304,384,1,1
bn:2304
0>789 1>790
weight:2304,1,3,3
0>792 1>790
weight:96,2304,1,1 bias:96
weight:2304,96,1,1 bias:2304
fc1>794 fc2>795
weight:384,2304,1,1
0>797 1>145
0>791 1>793 2>796 3>798
block>799
0>788 1>800
weight:1536,384,1,1
0>802 1>302
0>688 1>707 2>723 3>730 4>746 5>765 6>782 7>801 8>803
1>108
features>804 classifier>805
weight:48,I,3,3
0>807 1>592
weight:48,1,3,3
0>809 1>592
weight:12,48,1,1 bias:12
weight:48,12,1,1 bias:48
fc1>811 fc2>812
weight:24,48,1,1
0>814 1>462
0>810 1>813 2>815
block>816
0>817 1>706
0>711 1>722 2>722 3>722
weight:56,192,1,1
bn:56
0>820 1>821
0>713 1>725 2>718 3>822
block>823
weight:336,56,1,1
0>825 1>229
weight:336,1,5,5
0>827 1>229
weight:14,336,1,1 bias:14
weight:336,14,1,1 bias:336
fc1>829 fc2>830
weight:56,336,1,1
0>832 1>821
0>826 1>828 2>831 3>833
block>834
0>824 1>835 2>835 3>835
weight:336,1,3,3
0>837 1>229
weight:112,336,1,1
0>839 1>519
0>826 1>838 2>831 3>840
block>841
weight:672,1,3,3
0>843 1>175
0>524 1>844 2>529 3>531
block>845
0>842 1>846 2>846 3>846 4>846 5>846
weight:160,672,1,1
0>848 1>122
0>524 1>526 2>529 3>849
block>850
weight:960,160,1,1
0>852 1>202
weight:960,1,5,5
0>854 1>202
weight:40,960,1,1 bias:40
weight:960,40,1,1 bias:960
fc1>856 fc2>857
weight:160,960,1,1
0>859 1>122
0>853 1>855 2>858 3>860
block>861
0>851 1>862 2>862 3>862 4>862 5>862
weight:272,960,1,1
bn:272
0>864 1>865
0>853 1>855 2>858 3>866
block>867
weight:1632,272,1,1
0>869 1>308
weight:1632,1,5,5
0>871 1>308
weight:68,1632,1,1 bias:68
weight:1632,68,1,1 bias:1632
fc1>873 fc2>874
weight:272,1632,1,1
0>876 1>865
0>870 1>872 2>875 3>877
block>878
0>868 1>879 2>879 3>879 4>879 5>879 6>879 7>879
weight:1632,1,3,3
0>881 1>308
weight:448,1632,1,1
0>883 1>151
0>870 1>882 2>875 3>884
block>885
weight:2688,448,1,1
bn:2688
0>887 1>888
weight:2688,1,3,3
0>890 1>888
weight:112,2688,1,1 bias:112
weight:2688,112,1,1 bias:2688
fc1>892 fc2>893
weight:448,2688,1,1
0>895 1>151
0>889 1>891 2>894 3>896
block>897
0>886 1>898
weight:1792,448,1,1
0>900 1>423
0>808 1>818 2>819 3>836 4>847 5>863 6>880 7>899 8>901
weight:K,1792 bias:K
1>903
features>902 classifier>904
0>817 1>706 2>706
0>467 1>469 2>472 3>482
block>907
0>486 1>498 2>491 3>493
block>909
0>908 1>910 2>910 3>910 4>910
weight:64,240,1,1
0>912 1>112
0>486 1>488 2>491 3>913
block>914
weight:384,64,1,1
0>916 1>145
weight:384,1,5,5
0>918 1>145
weight:16,384,1,1 bias:16
weight:384,16,1,1 bias:384
fc1>920 fc2>921
weight:64,384,1,1
0>923 1>112
0>917 1>919 2>922 3>924
block>925
0>915 1>926 2>926 3>926 4>926
weight:384,1,3,3
0>928 1>145
0>146 1>114
0>917 1>929 2>922 3>930
block>931
weight:768,128,1,1
0>933 1>184
weight:768,1,3,3
0>935 1>184
weight:32,768,1,1 bias:32
weight:768,32,1,1 bias:768
fc1>937 fc2>938
0>185 1>114
0>934 1>936 2>939 3>940
block>941
0>932 1>942 2>942 3>942 4>942 5>942 6>942
weight:768,1,5,5
0>944 1>184
weight:176,768,1,1
bn:176
0>946 1>947
0>934 1>945 2>939 3>948
block>949
weight:1056,176,1,1
0>951 1>272
weight:1056,1,5,5
0>953 1>272
weight:44,1056,1,1 bias:44
weight:1056,44,1,1 bias:1056
fc1>955 fc2>956
weight:176,1056,1,1
0>958 1>947
0>952 1>954 2>957 3>959
block>960
0>950 1>961 2>961 3>961 4>961 5>961 6>961
weight:304,1056,1,1
bn:304
0>963 1>964
0>952 1>954 2>957 3>965
block>966
weight:1824,304,1,1
0>968 1>320
weight:1824,1,5,5
0>970 1>320
weight:76,1824,1,1 bias:76
weight:1824,76,1,1 bias:1824
fc1>972 fc2>973
weight:304,1824,1,1
0>975 1>964
0>969 1>971 2>974 3>976
block>977
0>967 1>978 2>978 3>978 4>978 5>978 6>978 7>978 8>978
weight:1824,1,3,3
0>980 1>320
weight:512,1824,1,1
0>982 1>158
0>969 1>981 2>974 3>983
block>984
weight:3072,512,1,1
bn:3072
0>986 1>987
weight:3072,1,3,3
0>989 1>987
weight:128,3072,1,1 bias:128
weight:3072,128,1,1 bias:3072
fc1>991 fc2>992
weight:512,3072,1,1
0>994 1>158
0>988 1>990 2>993 3>995
block>996
0>985 1>997 2>997
weight:2048,512,1,1
bn:2048
0>999 1>1000
0>808 1>906 2>911 3>927 4>943 5>962 6>979 7>998 8>1001
weight:K,2048 bias:K
1>1003
features>1002 classifier>1004
weight:56,I,3,3
0>1006 1>821
weight:56,1,3,3
0>1008 1>821
weight:14,56,1,1 bias:14
weight:56,14,1,1 bias:56
fc1>1010 fc2>1011
weight:32,56,1,1
0>1013 1>441
0>1009 1>1012 2>1014
block>1015
weight:32,32,1,1
0>1017 1>441
0>444 1>447 2>1018
block>1019
0>1016 1>1020 2>1020
weight:40,192,1,1
0>1022 1>481
0>713 1>715 2>718 3>1023
block>1024
0>1025 1>910 2>910 3>910 4>910 5>910
weight:72,240,1,1
bn:72
0>1027 1>1028
0>486 1>488 2>491 3>1029
block>1030
weight:432,72,1,1
0>1032 1>236
weight:432,1,5,5
0>1034 1>236
weight:18,432,1,1 bias:18
weight:432,18,1,1 bias:432
fc1>1036 fc2>1037
weight:72,432,1,1
0>1039 1>1028
0>1033 1>1035 2>1038 3>1040
block>1041
0>1031 1>1042 2>1042 3>1042 4>1042 5>1042
weight:432,1,3,3
0>1044 1>236
weight:144,432,1,1
0>1046 1>219
0>1033 1>1045 2>1038 3>1047
block>1048
weight:864,144,1,1
0>1050 1>193
weight:864,1,3,3
0>1052 1>193
weight:36,864,1,1 bias:36
weight:864,36,1,1 bias:864
fc1>1054 fc2>1055
weight:144,864,1,1
0>1057 1>219
0>1051 1>1053 2>1056 3>1058
block>1059
0>1049 1>1060 2>1060 3>1060 4>1060 5>1060 6>1060 7>1060
weight:864,1,5,5
0>1062 1>193
weight:200,864,1,1
bn:200
0>1064 1>1065
0>1051 1>1063 2>1056 3>1066
block>1067
weight:1200,200,1,1
0>1069 1>281
weight:1200,1,5,5
0>1071 1>281
weight:50,1200,1,1 bias:50
weight:1200,50,1,1 bias:1200
fc1>1073 fc2>1074
weight:200,1200,1,1
0>1076 1>1065
0>1070 1>1072 2>1075 3>1077
block>1078
0>1068 1>1079 2>1079 3>1079 4>1079 5>1079 6>1079 7>1079
weight:344,1200,1,1
bn:344
0>1081 1>1082
0>1070 1>1072 2>1075 3>1083
block>1084
weight:2064,344,1,1
0>1086 1>335
weight:2064,1,5,5
0>1088 1>335
weight:86,2064,1,1 bias:86
weight:2064,86,1,1 bias:2064
fc1>1090 fc2>1091
weight:344,2064,1,1
0>1093 1>1082
0>1087 1>1089 2>1092 3>1094
block>1095
0>1085 1>1096 2>1096 3>1096 4>1096 5>1096 6>1096 7>1096 8>1096 9>1096 10>1096
weight:2064,1,3,3
0>1098 1>335
weight:576,2064,1,1
0>1100 1>166
0>1087 1>1099 2>1092 3>1101
block>1102
weight:3456,576,1,1
bn:3456
0>1104 1>1105
weight:3456,1,3,3
0>1107 1>1105
weight:144,3456,1,1 bias:144
weight:3456,144,1,1 bias:3456
fc1>1109 fc2>1110
weight:576,3456,1,1
0>1112 1>166
0>1106 1>1108 2>1111 3>1113
block>1114
0>1103 1>1115 2>1115
weight:2304,576,1,1
0>1117 1>790
0>1007 1>1021 2>1026 3>1043 4>1061 5>1080 6>1097 7>1116 8>1118
weight:K,2304 bias:K
1>1120
features>1119 classifier>1121
weight:64,I,3,3
0>1123 1>112
weight:64,1,3,3
0>1125 1>112
weight:16,64,1,1 bias:16
weight:64,16,1,1 bias:64
fc1>1127 fc2>1128
weight:32,64,1,1
0>1130 1>441
0>1126 1>1129 2>1131
block>1132
0>1133 1>1020 2>1020 3>1020
0>713 1>715 2>718 3>727
block>1135
0>597 1>609 2>602 3>604
block>1137
0>1136 1>1138 2>1138 3>1138 4>1138 5>1138 6>1138
weight:80,288,1,1
0>1140 1>500
0>597 1>599 2>602 3>1141
block>1142
0>505 1>517 2>510 3>512
block>1144
0>1143 1>1145 2>1145 3>1145 4>1145 5>1145 6>1145
weight:160,480,1,1
0>1147 1>122
0>505 1>507 2>510 3>1148
block>1149
weight:960,1,3,3
0>1151 1>202
0>853 1>1152 2>858 3>860
block>1153
0>1150 1>1154 2>1154 3>1154 4>1154 5>1154 6>1154 7>1154 8>1154 9>1154
weight:224,960,1,1
0>1156 1>128
0>853 1>855 2>858 3>1157
block>1158
weight:1344,224,1,1
0>1160 1>290
weight:1344,1,5,5
0>1162 1>290
weight:56,1344,1,1 bias:56
weight:1344,56,1,1 bias:1344
fc1>1164 fc2>1165
weight:224,1344,1,1
0>1167 1>128
0>1161 1>1163 2>1166 3>1168
block>1169
0>1159 1>1170 2>1170 3>1170 4>1170 5>1170 6>1170 7>1170 8>1170 9>1170
weight:384,1344,1,1
0>1172 1>145
0>1161 1>1163 2>1166 3>1173
block>1174
weight:2304,1,5,5
0>1176 1>790
0>791 1>1177 2>796 3>798
block>1178
0>1175 1>1179 2>1179 3>1179 4>1179 5>1179 6>1179 7>1179 8>1179 9>1179 10>1179 11>1179 12>1179
weight:640,2304,1,1
0>1181 1>172
0>791 1>793 2>796 3>1182
block>1183
weight:3840,640,1,1
bn:3840
0>1185 1>1186
weight:3840,1,3,3
0>1188 1>1186
weight:160,3840,1,1 bias:160
weight:3840,160,1,1 bias:3840
fc1>1190 fc2>1191
weight:640,3840,1,1
0>1193 1>172
0>1187 1>1189 2>1192 3>1194
block>1195
0>1184 1>1196 2>1196 3>1196
weight:2560,640,1,1
bn:2560
0>1198 1>1199
0>1124 1>1134 2>1139 3>1146 4>1155 5>1171 6>1180 7>1197 8>1200
weight:K,2560 bias:K
1>1202
features>1201 classifier>1203
weight:24,I,3,3
0>1205 1>462
weight:24,24,3,3
0>1207 1>462
0>1208
block>1209
0>1210 1>1210
weight:96,24,3,3
0>1212 1>117
weight:48,96,1,1
0>1214 1>592
0>1213 1>1215
block>1216
weight:192,48,3,3
0>1218 1>125
0>1219 1>727
block>1220
0>1217 1>1221 2>1221 3>1221
weight:64,192,1,1
0>1223 1>112
0>1219 1>1224
block>1225
weight:256,64,3,3
0>1227 1>132
weight:64,256,1,1
0>1229 1>112
0>1228 1>1230
block>1231
0>1226 1>1232 2>1232 3>1232
weight:256,64,1,1
0>1234 1>132
weight:256,1,3,3
0>1236 1>132
weight:16,256,1,1 bias:16
weight:256,16,1,1 bias:256
fc1>1238 fc2>1239
0>133 1>114
0>1235 1>1237 2>1240 3>1241
block>1242
weight:512,128,1,1
0>1244 1>158
weight:512,1,3,3
0>1246 1>158
weight:32,512,1,1 bias:32
weight:512,32,1,1 bias:512
fc1>1248 fc2>1249
0>161 1>114
0>1245 1>1247 2>1250 3>1251
block>1252
0>1243 1>1253 2>1253 3>1253 4>1253 5>1253
weight:160,768,1,1
0>1255 1>122
0>934 1>936 2>939 3>1256
block>1257
0>1258 1>1154 2>1154 3>1154 4>1154 5>1154 6>1154 7>1154 8>1154
weight:256,960,1,1
0>1260 1>132
0>853 1>1152 2>858 3>1261
block>1262
weight:1536,256,1,1
0>1264 1>302
weight:1536,1,3,3
0>1266 1>302
weight:64,1536,1,1 bias:64
weight:1536,64,1,1 bias:1536
fc1>1268 fc2>1269
weight:256,1536,1,1
0>1271 1>132
0>1265 1>1267 2>1270 3>1272
block>1273
0>1263 1>1274 2>1274 3>1274 4>1274 5>1274 6>1274 7>1274 8>1274 9>1274 10>1274 11>1274 12>1274 13>1274 14>1274
weight:1280,256,1,1
0>1276 1>373
0>1206 1>1211 2>1222 3>1233 4>1254 5>1259 6>1275 7>1277
features>1278 classifier>560
0>1210 1>1210 2>1210
0>1217 1>1221 2>1221 3>1221 4>1221
weight:80,192,1,1
0>1282 1>500
0>1219 1>1283
block>1284
weight:320,80,3,3
0>1286 1>139
weight:80,320,1,1
0>1288 1>500
0>1287 1>1289
block>1290
0>1285 1>1291 2>1291 3>1291 4>1291
weight:320,80,1,1
0>1293 1>139
weight:320,1,3,3
0>1295 1>139
weight:20,320,1,1 bias:20
weight:320,20,1,1 bias:320
fc1>1297 fc2>1298
weight:160,320,1,1
0>1300 1>122
0>1294 1>1296 2>1299 3>1301
block>1302
weight:640,160,1,1
0>1304 1>172
weight:640,1,3,3
0>1306 1>172
weight:40,640,1,1 bias:40
weight:640,40,1,1 bias:640
fc1>1308 fc2>1309
weight:160,640,1,1
0>1311 1>122
0>1305 1>1307 2>1310 3>1312
block>1313
0>1303 1>1314 2>1314 3>1314 4>1314 5>1314 6>1314
weight:176,960,1,1
0>1316 1>947
0>853 1>1152 2>858 3>1317
block>1318
weight:1056,1,3,3
0>1320 1>272
0>952 1>1321 2>957 3>959
block>1322
0>1319 1>1323 2>1323 3>1323 4>1323 5>1323 6>1323 7>1323 8>1323 9>1323 10>1323 11>1323 12>1323 13>1323
0>952 1>1321 2>957 3>965
block>1325
0>969 1>981 2>974 3>976
block>1327
0>1326 1>1328 2>1328 3>1328 4>1328 5>1328 6>1328 7>1328 8>1328 9>1328 10>1328 11>1328 12>1328 13>1328 14>1328 15>1328 16>1328 17>1328
0>985 1>997 2>997 3>997 4>997
weight:1280,512,1,1
0>1331 1>373
0>1206 1>1280 2>1281 3>1292 4>1315 5>1324 6>1329 7>1330 8>1332
features>1333 classifier>560
weight:32,32,3,3
0>1335 1>441
0>1336
block>1337
0>1338 1>1338 2>1338 3>1338
weight:128,32,3,3
0>1340 1>114
weight:64,128,1,1
0>1342 1>112
0>1341 1>1343
block>1344
0>1345 1>1232 2>1232 3>1232 4>1232 5>1232 6>1232
weight:96,256,1,1
0>1347 1>117
0>1228 1>1348
block>1349
weight:384,96,3,3
0>1351 1>145
weight:96,384,1,1
0>1353 1>117
0>1352 1>1354
block>1355
0>1350 1>1356 2>1356 3>1356 4>1356 5>1356 6>1356
weight:384,96,1,1
0>1358 1>145
weight:24,384,1,1 bias:24
weight:384,24,1,1 bias:384
fc1>1360 fc2>1361
0>233 1>125
0>1359 1>929 2>1362 3>1363
block>1364
weight:768,192,1,1
0>1366 1>184
weight:48,768,1,1 bias:48
weight:768,48,1,1 bias:768
fc1>1368 fc2>1369
0>257 1>125
0>1367 1>936 2>1370 3>1371
block>1372
0>1365 1>1373 2>1373 3>1373 4>1373 5>1373 6>1373 7>1373 8>1373 9>1373
weight:224,1152,1,1
0>1375 1>128
0>539 1>550 2>544 3>1376
block>1377
weight:1344,1,3,3
0>1379 1>290
0>1161 1>1380 2>1166 3>1168
block>1381
0>1378 1>1382 2>1382 3>1382 4>1382 5>1382 6>1382 7>1382 8>1382 9>1382 10>1382 11>1382 12>1382 13>1382 14>1382 15>1382 16>1382 17>1382 18>1382
0>1161 1>1380 2>1166 3>1173
block>1384
0>1385 1>800 2>800 3>800 4>800 5>800 6>800 7>800 8>800 9>800 10>800 11>800 12>800 13>800 14>800 15>800 16>800 17>800 18>800 19>800 20>800 21>800 22>800 23>800 24>800
0>1184 1>1196 2>1196 3>1196 4>1196 5>1196 6>1196
weight:1280,640,1,1
0>1388 1>373
0>442 1>1339 2>1346 3>1357 4>1374 5>1383 6>1386 7>1387 8>1389
features>1390 classifier>560
conv>111 bn>112
weight:64,64,1,1
conv>1393 bn>112
weight:192,64,3,3
conv>1395 bn>125
conv>1223 bn>112
weight:96,192,1,1
conv>1398 bn>117
weight:128,96,3,3
conv>1400 bn>114
0>1399 1>1401
weight:16,192,1,1
conv>1403 bn>449
weight:32,16,3,3
conv>1405 bn>441
0>1404 1>1406
conv>719 bn>441
1>1408
branch1>1397 branch2>1402 branch3>1407 branch4>1409
conv>133 bn>114
weight:192,128,3,3
conv>1412 bn>125
0>1411 1>1413
weight:32,256,1,1
conv>1415 bn>441
weight:96,32,3,3
conv>1417 bn>117
0>1416 1>1418
conv>1229 bn>112
1>1420
branch1>1411 branch2>1414 branch3>1419 branch4>1421
conv>239 bn>125
weight:96,480,1,1
conv>1424 bn>117
weight:208,96,3,3
conv>1426 bn>647
0>1425 1>1427
weight:16,480,1,1
conv>1429 bn>449
weight:48,16,3,3
conv>1431 bn>592
0>1430 1>1432
weight:64,480,1,1
conv>1434 bn>112
1>1435
branch1>1423 branch2>1428 branch3>1433 branch4>1436
weight:160,512,1,1
conv>1438 bn>122
weight:112,512,1,1
conv>1440 bn>519
weight:224,112,3,3
conv>1442 bn>128
0>1441 1>1443
weight:24,512,1,1
conv>1445 bn>462
weight:64,24,3,3
conv>1447 bn>112
0>1446 1>1448
weight:64,512,1,1
conv>1450 bn>112
1>1451
branch1>1439 branch2>1444 branch3>1449 branch4>1452
conv>161 bn>114
weight:256,128,3,3
conv>1455 bn>132
0>1454 1>1456
branch1>1454 branch2>1457 branch3>1449 branch4>1452
weight:144,512,1,1
conv>1459 bn>219
weight:288,144,3,3
conv>1461 bn>136
0>1460 1>1462
weight:32,512,1,1
conv>1464 bn>441
weight:64,32,3,3
conv>1466 bn>112
0>1465 1>1467
branch1>1441 branch2>1463 branch3>1468 branch4>1452
weight:256,528,1,1
conv>1470 bn>132
weight:160,528,1,1
conv>1472 bn>122
weight:320,160,3,3
conv>1474 bn>139
0>1473 1>1475
weight:32,528,1,1
conv>1477 bn>441
conv>1340 bn>114
0>1478 1>1479
weight:128,528,1,1
conv>1481 bn>114
1>1482
branch1>1471 branch2>1476 branch3>1480 branch4>1483
weight:256,832,1,1
conv>1485 bn>132
weight:160,832,1,1
conv>1487 bn>122
0>1488 1>1475
weight:32,832,1,1
conv>1490 bn>441
0>1491 1>1479
conv>191 bn>114
1>1493
branch1>1486 branch2>1489 branch3>1492 branch4>1494
weight:384,832,1,1
conv>1496 bn>145
weight:192,832,1,1
conv>1498 bn>125
weight:384,192,3,3
conv>1500 bn>145
0>1499 1>1501
weight:48,832,1,1
conv>1503 bn>592
weight:128,48,3,3
conv>1505 bn>114
0>1504 1>1506
branch1>1497 branch2>1502 branch3>1507 branch4>1494
weight:1024,2048 bias:1024
conv>1454 fc1>1509 fc2>91
conv>1482 fc1>1509 fc2>91
conv1>1392 conv2>1394 conv3>1396 inception3a>1410 inception3b>1422 inception4a>1437 inception4b>1453 inception4c>1458 inception4d>1469 inception4e>1484 inception5a>1495 inception5b>1508 aux1?>1510 aux2?>1511 fc>91
conv>440 bn>441
conv>1335 bn>441
weight:80,64,1,1
conv>1515 bn>500
weight:192,80,3,3
conv>1517 bn>125
conv>726 bn>592
weight:64,48,5,5
conv>1520 bn>112
weight:96,64,3,3
conv>1522 bn>117
weight:96,96,3,3
conv>1524 bn>117
branch1x1>1397 branch5x5_1>1519 branch5x5_2>1521 branch3x3dbl_1>1397 branch3x3dbl_2>1523 branch3x3dbl_3>1525 branch_pool>1408
weight:48,256,1,1
conv>1527 bn>592
branch1x1>1420 branch5x5_1>1528 branch5x5_2>1521 branch3x3dbl_1>1420 branch3x3dbl_2>1523 branch3x3dbl_3>1525 branch_pool>1420
weight:64,288,1,1
conv>1530 bn>112
conv>603 bn>592
branch1x1>1531 branch5x5_1>1532 branch5x5_2>1521 branch3x3dbl_1>1531 branch3x3dbl_2>1523 branch3x3dbl_3>1525 branch_pool>1531
weight:384,288,3,3
conv>1534 bn>145
branch3x3>1535 branch3x3dbl_1>1531 branch3x3dbl_2>1523 branch3x3dbl_3>1525
conv>257 bn>125
conv>185 bn>114
weight:128,128,1,7
conv>1539 bn>114
weight:192,128,7,1
conv>1541 bn>125
weight:128,128,7,1
conv>1543 bn>114
weight:192,128,1,7
conv>1545 bn>125
branch1x1>1537 branch7x7_1>1538 branch7x7_2>1540 branch7x7_3>1542 branch7x7dbl_1>1538 branch7x7dbl_2>1544 branch7x7dbl_3>1540 branch7x7dbl_4>1544 branch7x7dbl_5>1546 branch_pool>1537
conv>1255 bn>122
weight:160,160,1,7
conv>1549 bn>122
weight:192,160,7,1
conv>1551 bn>125
weight:160,160,7,1
conv>1553 bn>122
weight:192,160,1,7
conv>1555 bn>125
branch1x1>1537 branch7x7_1>1548 branch7x7_2>1550 branch7x7_3>1552 branch7x7dbl_1>1548 branch7x7dbl_2>1554 branch7x7dbl_3>1550 branch7x7dbl_4>1554 branch7x7dbl_5>1556 branch_pool>1537
weight:192,192,1,7
conv>1558 bn>125
weight:192,192,7,1
conv>1560 bn>125
branch1x1>1537 branch7x7_1>1537 branch7x7_2>1559 branch7x7_3>1561 branch7x7dbl_1>1537 branch7x7dbl_2>1561 branch7x7dbl_3>1559 branch7x7dbl_4>1561 branch7x7dbl_5>1559 branch_pool>1537
weight:768,128,5,5
conv>1563 bn>184
conv0>1538 conv1>1564 fc>48
weight:320,192,3,3
conv>1566 bn>139
weight:192,192,3,3
conv>1568 bn>125
branch3x3_1>1537 branch3x3_2>1567 branch7x7x3_1>1537 branch7x7x3_2>1559 branch7x7x3_3>1561 branch7x7x3_4>1569
weight:320,1280,1,1
conv>1571 bn>139
weight:384,1280,1,1
conv>1573 bn>145
weight:384,384,1,3
conv>1575 bn>145
weight:384,384,3,1
conv>1577 bn>145
weight:448,1280,1,1
conv>1579 bn>151
weight:384,448,3,3
conv>1581 bn>145
weight:192,1280,1,1
conv>1583 bn>125
branch1x1>1572 branch3x3_1>1574 branch3x3_2a>1576 branch3x3_2b>1578 branch3x3dbl_1>1580 branch3x3dbl_2>1582 branch3x3dbl_3a>1576 branch3x3dbl_3b>1578 branch_pool>1584
weight:320,2048,1,1
conv>1586 bn>139
weight:384,2048,1,1
conv>1588 bn>145
weight:448,2048,1,1
conv>1590 bn>151
weight:192,2048,1,1
conv>1592 bn>125
branch1x1>1587 branch3x3_1>1589 branch3x3_2a>1576 branch3x3_2b>1578 branch3x3dbl_1>1591 branch3x3dbl_2>1582 branch3x3dbl_3a>1576 branch3x3dbl_3b>1578 branch_pool>1593
Conv2d_1a_3x3>1513 Conv2d_2a_3x3>1514 Conv2d_2b_3x3>1467 Conv2d_3b_1x1>1516 Conv2d_4a_3x3>1518 Mixed_5b>1526 Mixed_5c>1529 Mixed_5d>1533 Mixed_6a>1536 Mixed_6b>1547 Mixed_6c>1557 Mixed_6d>1557 Mixed_6e>1562 AuxLogits?>1565 Mixed_7a>1570 Mixed_7b>1585 Mixed_7c>1594 fc>1003
weight:64,64,3,3 bias:64
0>1596
0>1124 1>1597
weight:64,64,1,1 bias:64
1>1599
weight:64,256,1,1 bias:64
pre_norm>112 conv_a>1235 conv_b>1237 squeeze_excitation>1240 conv_c>1601
proj>1600 layers>1602
weight:64 bias:64
weight:192,64 bias:192
weight:64,64 bias:64
relative_position_bias_table:169,2 relative_position_index:49,49 to_qkv>1605 merge>1606
0>1604 1>1607
weight:256,64 bias:256
weight:64,256 bias:64
0>1604 1>1609 3>1610
attn_layer>1608 mlp_layer>1611
MBconv>1603 window_attention>1612 grid_attention>1612
layers>1613
layers>1602
MBconv>1615 window_attention>1612 grid_attention>1612
layers>1616
0>1614 1>1617
layers>1618
weight:128,64,1,1 bias:128
1>1620
weight:512,64,1,1
0>1622 1>158
weight:128,512,1,1 bias:128
pre_norm>112 conv_a>1623 conv_b>1247 squeeze_excitation>1250 conv_c>1624
proj>1621 layers>1625
weight:384,128 bias:384
weight:128,128 bias:128
relative_position_bias_table:169,4 relative_position_index:49,49 to_qkv>1627 merge>1628
0>55 1>1629
0>55 1>58 3>59
attn_layer>1630 mlp_layer>1631
MBconv>1626 window_attention>1632 grid_attention>1632
layers>1633
pre_norm>114 conv_a>1245 conv_b>1247 squeeze_excitation>1250 conv_c>1624
layers>1635
MBconv>1636 window_attention>1632 grid_attention>1632
layers>1637
0>1634 1>1638
layers>1639
weight:256,128,1,1 bias:256
1>1641
weight:1024,128,1,1
0>1643 1>209
weight:1024,1,3,3
0>1645 1>209
weight:64,1024,1,1 bias:64
weight:1024,64,1,1 bias:1024
fc1>1647 fc2>1648
weight:256,1024,1,1 bias:256
pre_norm>114 conv_a>1644 conv_b>1646 squeeze_excitation>1649 conv_c>1650
proj>1642 layers>1651
weight:768,256 bias:768
weight:256,256 bias:256
relative_position_bias_table:169,8 relative_position_index:49,49 to_qkv>1653 merge>1654
0>66 1>1655
0>66 1>67 3>68
attn_layer>1656 mlp_layer>1657
MBconv>1652 window_attention>1658 grid_attention>1658
layers>1659
weight:1024,256,1,1
0>1661 1>209
pre_norm>132 conv_a>1662 conv_b>1646 squeeze_excitation>1649 conv_c>1650
layers>1663
MBconv>1664 window_attention>1658 grid_attention>1658
layers>1665
0>1660 1>1666 2>1666 3>1666 4>1666
layers>1667
weight:512,256,1,1 bias:512
1>1669
weight:2048,256,1,1
0>1671 1>1000
weight:2048,1,3,3
0>1673 1>1000
weight:128,2048,1,1 bias:128
weight:2048,128,1,1 bias:2048
fc1>1675 fc2>1676
weight:512,2048,1,1 bias:512
pre_norm>132 conv_a>1672 conv_b>1674 squeeze_excitation>1677 conv_c>1678
proj>1670 layers>1679
weight:1536,512 bias:1536
weight:512,512 bias:512
relative_position_bias_table:169,16 relative_position_index:49,49 to_qkv>1681 merge>1682
0>75 1>1683
0>75 1>76 3>77
attn_layer>1684 mlp_layer>1685
MBconv>1680 window_attention>1686 grid_attention>1686
layers>1687
pre_norm>158 conv_a>1001 conv_b>1674 squeeze_excitation>1677 conv_c>1678
layers>1689
MBconv>1690 window_attention>1686 grid_attention>1686
layers>1691
0>1688 1>1692
layers>1693
0>1619 1>1640 2>1668 3>1694
weight:K,512
2>75 3>1682 5>1696
stem>1598 blocks>1695 classifier>1697
weight:16,I,3,3
weight:8,16,1,1
bn:8
weight:24,8,1,1
weight:16,24,1,1
0>1702 1>462 3>698 4>462 6>1703 7>449
layers>1704
weight:48,16,1,1
weight:16,48,1,1
0>1706 1>592 3>809 4>592 6>1707 7>449
layers>1708
0>1705 1>1709 2>1709
weight:48,1,5,5
0>1706 1>592 3>1711 4>592 6>814 7>462
layers>1712
weight:72,24,1,1
weight:72,1,5,5
weight:24,72,1,1
0>1714 1>1028 3>1715 4>1028 6>1716 7>462
layers>1717
0>1713 1>1718 2>1718
0>466 1>219 3>478 4>219 6>480 7>481
layers>1720
0>485 1>224 3>487 4>224 6>492 7>481
layers>1722
0>1721 1>1723 2>1723
weight:48,240,1,1
0>485 1>224 3>497 4>224 6>1725 7>592
layers>1726
0>596 1>136 3>608 4>136 6>603 7>592
layers>1728
0>1727 1>1729
0>596 1>136 3>598 4>136 6>731 7>117
layers>1731
0>735 1>166 3>747 4>166 6>742 7>117
layers>1733
0>1732 1>1734 2>1734 3>1734
weight:160,576,1,1
0>735 1>166 3>737 4>166 6>1736 7>122
layers>1737
0>1738
weight:1280,160,1,1
0>1699 1>449 3>562 4>449 6>1700 7>1701 8>1710 9>1719 10>1724 11>1730 12>1735 13>1739 14>1740 15>373
layers>1741 classifier>560
0>1706 1>592 3>809 4>592 6>814 7>462
layers>1743
weight:72,1,3,3
0>1714 1>1028 3>1745 4>1028 6>1716 7>462
layers>1746
0>1744 1>1747 2>1747
weight:32,72,1,1
0>1714 1>1028 3>1715 4>1028 6>1749 7>441
layers>1750
weight:96,32,1,1
weight:96,1,5,5
weight:32,96,1,1
0>1752 1>117 3>1753 4>117 6>1754 7>441
layers>1755
0>1751 1>1756 2>1756
0>712 1>125 3>724 4>125 6>1223 7>112
layers>1758
0>916 1>145 3>918 4>145 6>923 7>112
layers>1760
0>1759 1>1761 2>1761
weight:72,384,1,1
0>916 1>145 3>928 4>145 6>1763 7>1028
layers>1764
0>1032 1>236 3>1044 4>236 6>1039 7>1028
layers>1766
0>1765 1>1767
0>1032 1>236 3>1034 4>236 6>1046 7>219
layers>1769
0>1050 1>193 3>1062 4>193 6>1057 7>219
layers>1771
0>1770 1>1772 2>1772 3>1772
weight:240,864,1,1
0>1050 1>193 3>1052 4>193 6>1774 7>224
layers>1775
0>1776
weight:1280,240,1,1
0>1205 1>462 3>698 4>462 6>1703 7>449 8>1748 9>1757 10>1762 11>1768 12>1773 13>1777 14>1778 15>373
layers>1779 classifier>560
weight:40,72,1,1
0>1714 1>1028 3>1715 4>1028 6>1781 7>481
layers>1782
weight:120,40,1,1
weight:120,1,5,5
weight:40,120,1,1
0>1784 1>630 3>1785 4>630 6>1786 7>481
layers>1787
0>1783 1>1788 2>1788
0>485 1>224 3>487 4>224 6>499 7>500
layers>1790
0>504 1>154 3>516 4>154 6>511 7>500
layers>1792
0>1791 1>1793 2>1793
0>504 1>154 3>506 4>154 6>1424 7>117
layers>1795
0>735 1>166 3>737 4>166 6>742 7>117
layers>1797
0>1796 1>1798
0>735 1>166 3>747 4>166 6>244 7>125
layers>1800
0>538 1>278 3>540 4>278 6>279 7>125
layers>1802
0>1801 1>1803 2>1803 3>1803
0>538 1>278 3>549 4>278 6>551 7>139
layers>1805
0>1806
0>440 1>441 3>443 4>441 6>448 7>449 8>1748 9>1789 10>1794 11>1799 12>1804 13>1807 14>556 15>373
layers>1808 classifier>560
0>1714 1>1028 3>1745 4>1028 6>1749 7>441
layers>1810
0>1752 1>117 3>456 4>117 6>1754 7>441
layers>1812
0>1811 1>1813 2>1813
weight:56,96,1,1
0>1752 1>117 3>1753 4>117 6>1815 7>821
layers>1816
weight:168,56,1,1
bn:168
weight:168,1,5,5
weight:56,168,1,1
0>1818 1>1819 3>1820 4>1819 6>1821 7>821
layers>1822
0>1817 1>1823 2>1823
weight:104,336,1,1
bn:104
0>825 1>229 3>827 4>229 6>1825 7>1826
layers>1827
weight:624,104,1,1
weight:624,1,5,5
weight:104,624,1,1
0>1829 1>246 3>1830 4>246 6>1831 7>1826
layers>1832
0>1828 1>1833 2>1833
weight:624,1,3,3
weight:128,624,1,1
0>1829 1>246 3>1835 4>246 6>1836 7>114
layers>1837
0>933 1>184 3>935 4>184 6>185 7>114
layers>1839
0>1838 1>1840
weight:248,768,1,1
bn:248
0>933 1>184 3>944 4>184 6>1842 7>1843
layers>1844
weight:1488,248,1,1
weight:1488,1,5,5
weight:248,1488,1,1
0>1846 1>299 3>1847 4>299 6>1848 7>1843
layers>1849
0>1845 1>1850 2>1850 3>1850
weight:1488,1,3,3
weight:416,1488,1,1
0>1846 1>299 3>1852 4>299 6>1853 7>148
layers>1854
0>1855
weight:1280,416,1,1
0>687 1>481 3>689 4>481 6>694 7>462 8>1814 9>1824 10>1834 11>1841 12>1851 13>1856 14>1857 15>373
layers>1858 classifier>560
0>444 1>448 2>449
conv>1860
0>455 1>457 2>461 3>462
conv>1862
0>467 1>469 2>473 3>462
conv>1864
0>467 1>469 2>708 3>441
conv>1866
0>713 1>715 2>719 3>441
conv>1868
0>713 1>715 2>1223 3>112
conv>1870
0>917 1>929 2>923 3>112
conv>1872
0>917 1>929 2>1353 3>117
conv>1874
0>736 1>738 2>742 3>117
conv>1876
0>736 1>738 2>1736 3>122
conv>1878
0>853 1>1152 2>859 3>122
conv>1880
weight:320,960,1,1
0>853 1>1152 2>1882 3>139
conv>1883
0>442 1>1861 2>1863 3>1865 4>1867 5>1869 6>1869 7>1871 8>1873 9>1873 10>1873 11>1875 12>1877 13>1877 14>1879 15>1881 16>1881 17>1884 18>557
features>1885 classifier>560
0>1699 1>449
0>563 1>568
block>1888
weight:64,16,1,1
0>1890 1>112
weight:24,64,1,1
0>1892 1>462
0>1891 1>1126 2>1893
block>1894
0>1714 1>1028
0>1745 1>1028
0>1716 1>462
0>1896 1>1897 2>1898
block>1899
0>1715 1>1028
weight:24,72,1,1 bias:24
weight:72,24,1,1 bias:72
fc1>1902 fc2>1903
0>1781 1>481
0>1896 1>1901 2>1904 3>1905
block>1906
0>1784 1>630
0>1785 1>630
weight:32,120,1,1 bias:32
weight:120,32,1,1 bias:120
fc1>1910 fc2>1911
0>1786 1>481
0>1908 1>1909 2>1912 3>1913
block>1914
0>486 1>498 2>501
block>1916
weight:200,80,1,1
0>1918 1>1065
weight:200,1,3,3
0>1920 1>1065
weight:80,200,1,1
0>1922 1>500
0>1919 1>1921 2>1923
block>1924
weight:184,80,1,1
bn:184
0>1926 1>1927
weight:184,1,3,3
0>1929 1>1927
weight:80,184,1,1
0>1931 1>500
0>1928 1>1930 2>1932
block>1933
weight:120,480,1,1 bias:120
weight:480,120,1,1 bias:480
fc1>1935 fc2>1936
0>505 1>507 2>1937 3>520
block>1938
weight:168,672,1,1 bias:168
weight:672,168,1,1 bias:672
fc1>1940 fc2>1941
0>524 1>844 2>1942 3>531
block>1943
0>524 1>526 2>1942 3>849
block>1945
weight:240,960,1,1 bias:240
weight:960,240,1,1 bias:960
fc1>1947 fc2>1948
0>853 1>855 2>1949 3>860
block>1950
0>1887 1>1889 2>1895 3>1900 4>1907 5>1915 6>1915 7>1917 8>1925 9>1934 10>1934 11>1939 12>1944 13>1946 14>1951 15>1951 16>853
weight:1280,960 bias:1280
0>1953 3>559
features>1952 classifier>1954
weight:8,16,1,1 bias:8
weight:16,8,1,1 bias:16
fc1>1956 fc2>1957
0>563 1>1958 2>568
block>1959
weight:72,16,1,1
0>1961 1>1028
0>1962 1>1897 2>1898
block>1963
weight:88,24,1,1
0>1965 1>611
weight:88,1,3,3
0>1967 1>611
weight:24,88,1,1
0>1969 1>462
0>1966 1>1968 2>1970
block>1971
weight:96,24,1,1
0>1973 1>117
0>1753 1>117
weight:24,96,1,1 bias:24
weight:96,24,1,1 bias:96
fc1>1976 fc2>1977
weight:40,96,1,1
0>1979 1>481
0>1974 1>1975 2>1978 3>1980
block>1981
weight:64,240,1,1 bias:64
weight:240,64,1,1 bias:240
fc1>1983 fc2>1984
0>486 1>488 2>1985 3>493
block>1986
weight:48,120,1,1
0>1988 1>592
0>1908 1>1909 2>1912 3>1989
block>1990
weight:144,48,1,1
0>1992 1>219
weight:40,144,1,1 bias:40
weight:144,40,1,1 bias:144
fc1>1994 fc2>1995
0>1993 1>479 2>1996 3>593
block>1997
weight:72,288,1,1 bias:72
weight:288,72,1,1 bias:288
fc1>1999 fc2>2000
0>597 1>599 2>2001 3>732
block>2002
weight:144,576,1,1 bias:144
weight:576,144,1,1 bias:576
fc1>2004 fc2>2005
0>736 1>748 2>2006 3>743
block>2007
0>1887 1>1960 2>1964 3>1972 4>1982 5>1987 6>1987 7>1991 8>1998 9>2003 10>2008 11>2008 12>736
weight:1024,576 bias:1024
0>2010 3>91
features>2009 classifier>2011
weight:48,32,1,1
0>2013 1>592
weight:48,8,3,3
0>2015 1>592
weight:8,48,1,1 bias:8
weight:48,8,1,1 bias:48
fc1>2017 fc2>2018
weight:48,48,1,1
0>2020 1>592
a>2014 b>2016 se>2019 c>2021
proj>2014 f>2022
block1-0>2023
weight:104,48,1,1
0>2025 1>1826
weight:104,8,3,3
0>2027 1>1826
weight:12,104,1,1 bias:12
weight:104,12,1,1 bias:104
fc1>2029 fc2>2030
weight:104,104,1,1
0>2032 1>1826
a>2026 b>2028 se>2031 c>2033
proj>2026 f>2034
weight:26,104,1,1 bias:26
weight:104,26,1,1 bias:104
fc1>2036 fc2>2037
a>2033 b>2028 se>2038 c>2033
f>2039
block2-0>2035 block2-1>2040 block2-2>2040
weight:208,104,1,1
0>2042 1>647
weight:208,8,3,3
0>2044 1>647
weight:26,208,1,1 bias:26
weight:208,26,1,1 bias:208
fc1>2046 fc2>2047
weight:208,208,1,1
0>2049 1>647
a>2043 b>2045 se>2048 c>2050
proj>2043 f>2051
weight:52,208,1,1 bias:52
weight:208,52,1,1 bias:208
fc1>2053 fc2>2054
a>2050 b>2045 se>2055 c>2050
f>2056
block3-0>2052 block3-1>2057 block3-2>2057 block3-3>2057 block3-4>2057 block3-5>2057
weight:440,208,1,1
bn:440
0>2059 1>2060
weight:440,8,3,3
0>2062 1>2060
weight:52,440,1,1 bias:52
weight:440,52,1,1 bias:440
fc1>2064 fc2>2065
weight:440,440,1,1
0>2067 1>2060
a>2061 b>2063 se>2066 c>2068
proj>2061 f>2069
weight:110,440,1,1 bias:110
weight:440,110,1,1 bias:440
fc1>2071 fc2>2072
a>2068 b>2063 se>2073 c>2068
f>2074
block4-0>2070 block4-1>2075 block4-2>2075 block4-3>2075 block4-4>2075 block4-5>2075
block1>2024 block2>2041 block3>2058 block4>2076
weight:K,440 bias:K
stem>442 trunk_output>2077 fc>2078
weight:64,32,1,1
0>2080 1>112
weight:64,16,3,3
0>2082 1>112
weight:8,64,1,1 bias:8
weight:64,8,1,1 bias:64
fc1>2084 fc2>2085
0>1393 1>112
a>2081 b>2083 se>2086 c>2087
proj>2081 f>2088
block1-0>2089
weight:144,64,1,1
0>2091 1>219
weight:144,16,3,3
0>2093 1>219
weight:16,144,1,1 bias:16
weight:144,16,1,1 bias:144
fc1>2095 fc2>2096
weight:144,144,1,1
0>2098 1>219
a>2092 b>2094 se>2097 c>2099
proj>2092 f>2100
weight:36,144,1,1 bias:36
weight:144,36,1,1 bias:144
fc1>2102 fc2>2103
a>2099 b>2094 se>2104 c>2099
f>2105
block2-0>2101 block2-1>2106 block2-2>2106
weight:320,144,1,1
0>2108 1>139
weight:320,16,3,3
0>2110 1>139
weight:36,320,1,1 bias:36
weight:320,36,1,1 bias:320
fc1>2112 fc2>2113
weight:320,320,1,1
0>2115 1>139
a>2109 b>2111 se>2114 c>2116
proj>2109 f>2117
weight:80,320,1,1 bias:80
weight:320,80,1,1 bias:320
fc1>2119 fc2>2120
a>2116 b>2111 se>2121 c>2116
f>2122
block3-0>2118 block3-1>2123 block3-2>2123 block3-3>2123 block3-4>2123 block3-5>2123 block3-6>2123 block3-7>2123
weight:784,320,1,1
bn:784
0>2125 1>2126
weight:784,16,3,3
0>2128 1>2126
weight:80,784,1,1 bias:80
weight:784,80,1,1 bias:784
fc1>2130 fc2>2131
weight:784,784,1,1
0>2133 1>2126
a>2127 b>2129 se>2132 c>2134
proj>2127 f>2135
weight:196,784,1,1 bias:196
weight:784,196,1,1 bias:784
fc1>2137 fc2>2138
a>2134 b>2129 se>2139 c>2134
f>2140
block4-0>2136 block4-1>2141
block1>2090 block2>2107 block3>2124 block4>2142
weight:K,784 bias:K
stem>442 trunk_output>2143 fc>2144
weight:48,24,3,3
0>2146 1>592
a>2014 b>2147 se>2019 c>2021
proj>2014 f>2148
a>2021 b>2147 se>813 c>2021
f>2150
block1-0>2149 block1-1>2151
weight:120,48,1,1
0>2153 1>630
weight:120,24,3,3
0>2155 1>630
weight:12,120,1,1 bias:12
weight:120,12,1,1 bias:120
fc1>2157 fc2>2158
weight:120,120,1,1
0>2160 1>630
a>2154 b>2156 se>2159 c>2161
proj>2154 f>2162
weight:30,120,1,1 bias:30
weight:120,30,1,1 bias:120
fc1>2164 fc2>2165
a>2161 b>2156 se>2166 c>2161
f>2167
block2-0>2163 block2-1>2168 block2-2>2168 block2-3>2168 block2-4>2168 block2-5>2168
weight:336,120,1,1
0>2170 1>229
weight:336,24,3,3
0>2172 1>229
weight:30,336,1,1 bias:30
weight:336,30,1,1 bias:336
fc1>2174 fc2>2175
weight:336,336,1,1
0>2177 1>229
a>2171 b>2173 se>2176 c>2178
proj>2171 f>2179
weight:84,336,1,1 bias:84
weight:336,84,1,1 bias:336
fc1>2181 fc2>2182
a>2178 b>2173 se>2183 c>2178
f>2184
block3-0>2180 block3-1>2185 block3-2>2185 block3-3>2185 block3-4>2185 block3-5>2185 block3-6>2185 block3-7>2185 block3-8>2185 block3-9>2185 block3-10>2185 block3-11>2185 block3-12>2185 block3-13>2185 block3-14>2185 block3-15>2185 block3-16>2185
weight:888,336,1,1
bn:888
0>2187 1>2188
weight:888,24,3,3
0>2190 1>2188
weight:84,888,1,1 bias:84
weight:888,84,1,1 bias:888
fc1>2192 fc2>2193
weight:888,888,1,1
0>2195 1>2188
a>2189 b>2191 se>2194 c>2196
proj>2189 f>2197
weight:222,888,1,1 bias:222
weight:888,222,1,1 bias:888
fc1>2199 fc2>2200
a>2196 b>2191 se>2201 c>2196
f>2202
block4-0>2198 block4-1>2203
block1>2152 block2>2169 block3>2186 block4>2204
weight:K,888 bias:K
stem>442 trunk_output>2205 fc>2206
weight:72,32,1,1
0>2208 1>1028
weight:72,24,3,3
0>2210 1>1028
weight:8,72,1,1 bias:8
weight:72,8,1,1 bias:72
fc1>2212 fc2>2213
weight:72,72,1,1
0>2215 1>1028
a>2209 b>2211 se>2214 c>2216
proj>2209 f>2217
weight:18,72,1,1 bias:18
weight:72,18,1,1 bias:72
fc1>2219 fc2>2220
a>2216 b>2211 se>2221 c>2216
f>2222
block1-0>2218 block1-1>2223
weight:216,72,1,1
bn:216
0>2225 1>2226
weight:216,24,3,3
0>2228 1>2226
weight:18,216,1,1 bias:18
weight:216,18,1,1 bias:216
fc1>2230 fc2>2231
weight:216,216,1,1
0>2233 1>2226
a>2227 b>2229 se>2232 c>2234
proj>2227 f>2235
weight:54,216,1,1 bias:54
weight:216,54,1,1 bias:216
fc1>2237 fc2>2238
a>2234 b>2229 se>2239 c>2234
f>2240
block2-0>2236 block2-1>2241 block2-2>2241 block2-3>2241 block2-4>2241
weight:576,216,1,1
0>2243 1>166
weight:576,24,3,3
0>2245 1>166
weight:54,576,1,1 bias:54
weight:576,54,1,1 bias:576
fc1>2247 fc2>2248
weight:576,576,1,1
0>2250 1>166
a>2244 b>2246 se>2249 c>2251
proj>2244 f>2252
a>2251 b>2246 se>2006 c>2251
f>2254
block3-0>2253 block3-1>2255 block3-2>2255 block3-3>2255 block3-4>2255 block3-5>2255 block3-6>2255 block3-7>2255 block3-8>2255 block3-9>2255 block3-10>2255 block3-11>2255 block3-12>2255
weight:1512,576,1,1
bn:1512
0>2257 1>2258
weight:1512,24,3,3
0>2260 1>2258
weight:144,1512,1,1 bias:144
weight:1512,144,1,1 bias:1512
fc1>2262 fc2>2263
weight:1512,1512,1,1
0>2265 1>2258
a>2259 b>2261 se>2264 c>2266
proj>2259 f>2267
block4-0>2268
block1>2224 block2>2242 block3>2256 block4>2269
weight:K,1512 bias:K
stem>442 trunk_output>2270 fc>2271
weight:224,32,1,1
0>2273 1>128
weight:224,56,3,3
0>2275 1>128
weight:8,224,1,1 bias:8
weight:224,8,1,1 bias:224
fc1>2277 fc2>2278
weight:224,224,1,1
0>2280 1>128
a>2274 b>2276 se>2279 c>2281
proj>2274 f>2282
weight:56,224,1,1 bias:56
weight:224,56,1,1 bias:224
fc1>2284 fc2>2285
a>2281 b>2276 se>2286 c>2281
f>2287
block1-0>2283 block1-1>2288
weight:448,224,1,1
0>2290 1>151
weight:448,56,3,3
0>2292 1>151
weight:56,448,1,1 bias:56
weight:448,56,1,1 bias:448
fc1>2294 fc2>2295
weight:448,448,1,1
0>2297 1>151
a>2291 b>2293 se>2296 c>2298
proj>2291 f>2299
weight:112,448,1,1 bias:112
weight:448,112,1,1 bias:448
fc1>2301 fc2>2302
a>2298 b>2293 se>2303 c>2298
f>2304
block2-0>2300 block2-1>2305 block2-2>2305 block2-3>2305
weight:896,448,1,1
0>2307 1>196
weight:896,56,3,3
0>2309 1>196
weight:112,896,1,1 bias:112
weight:896,112,1,1 bias:896
fc1>2311 fc2>2312
weight:896,896,1,1
0>2314 1>196
a>2308 b>2310 se>2313 c>2315
proj>2308 f>2316
weight:224,896,1,1 bias:224
weight:896,224,1,1 bias:896
fc1>2318 fc2>2319
a>2315 b>2310 se>2320 c>2315
f>2321
block3-0>2317 block3-1>2322 block3-2>2322 block3-3>2322 block3-4>2322 block3-5>2322 block3-6>2322 block3-7>2322 block3-8>2322 block3-9>2322
weight:2016,896,1,1
0>2324 1>332
weight:2016,56,3,3
0>2326 1>332
weight:224,2016,1,1 bias:224
weight:2016,224,1,1 bias:2016
fc1>2328 fc2>2329
weight:2016,2016,1,1
0>2331 1>332
a>2325 b>2327 se>2330 c>2332
proj>2325 f>2333
block4-0>2334
block1>2289 block2>2306 block3>2323 block4>2335
weight:K,2016 bias:K
stem>442 trunk_output>2336 fc>2337
0>1442 1>128
a>2274 b>2339 se>2279 c>2281
proj>2274 f>2340
a>2281 b>2339 se>2286 c>2281
f>2342
block1-0>2341 block1-1>2343
weight:448,112,3,3
0>2345 1>151
a>2291 b>2346 se>2296 c>2298
proj>2291 f>2347
a>2298 b>2346 se>2303 c>2298
f>2349
block2-0>2348 block2-1>2350 block2-2>2350 block2-3>2350
weight:1232,448,1,1
bn:1232
0>2352 1>2353
weight:1232,112,3,3
0>2355 1>2353
weight:112,1232,1,1 bias:112
weight:1232,112,1,1 bias:1232
fc1>2357 fc2>2358
weight:1232,1232,1,1
0>2360 1>2353
a>2354 b>2356 se>2359 c>2361
proj>2354 f>2362
weight:308,1232,1,1 bias:308
weight:1232,308,1,1 bias:1232
fc1>2364 fc2>2365
a>2361 b>2356 se>2366 c>2361
f>2367
block3-0>2363 block3-1>2368 block3-2>2368 block3-3>2368 block3-4>2368 block3-5>2368 block3-6>2368 block3-7>2368 block3-8>2368 block3-9>2368 block3-10>2368
weight:3024,1232,1,1
bn:3024
0>2370 1>2371
weight:3024,112,3,3
0>2373 1>2371
weight:308,3024,1,1 bias:308
weight:3024,308,1,1 bias:3024
fc1>2375 fc2>2376
weight:3024,3024,1,1
0>2378 1>2371
a>2372 b>2374 se>2377 c>2379
proj>2372 f>2380
block4-0>2381
block1>2344 block2>2351 block3>2369 block4>2382
weight:K,3024 bias:K
stem>442 trunk_output>2383 fc>2384
weight:232,32,1,1
0>2386 1>767
weight:232,232,3,3
0>2388 1>767
weight:8,232,1,1 bias:8
weight:232,8,1,1 bias:232
fc1>2390 fc2>2391
weight:232,232,1,1
0>2393 1>767
a>2387 b>2389 se>2392 c>2394
proj>2387 f>2395
weight:58,232,1,1 bias:58
weight:232,58,1,1 bias:232
fc1>2397 fc2>2398
a>2394 b>2389 se>2399 c>2394
f>2400
block1-0>2396 block1-1>2401
weight:696,232,1,1
bn:696
0>2403 1>2404
weight:696,232,3,3
0>2406 1>2404
weight:58,696,1,1 bias:58
weight:696,58,1,1 bias:696
fc1>2408 fc2>2409
weight:696,696,1,1
0>2411 1>2404
a>2405 b>2407 se>2410 c>2412
proj>2405 f>2413
weight:174,696,1,1 bias:174
weight:696,174,1,1 bias:696
fc1>2415 fc2>2416
a>2412 b>2407 se>2417 c>2412
f>2418
block2-0>2414 block2-1>2419 block2-2>2419 block2-3>2419 block2-4>2419
weight:1392,696,1,1
0>2421 1>293
weight:1392,232,3,3
0>2423 1>293
weight:174,1392,1,1 bias:174
weight:1392,174,1,1 bias:1392
fc1>2425 fc2>2426
weight:1392,1392,1,1
0>2428 1>293
a>2422 b>2424 se>2427 c>2429
proj>2422 f>2430
weight:348,1392,1,1 bias:348
weight:1392,348,1,1 bias:1392
fc1>2432 fc2>2433
a>2429 b>2424 se>2434 c>2429
f>2435
block3-0>2431 block3-1>2436 block3-2>2436 block3-3>2436 block3-4>2436 block3-5>2436 block3-6>2436 block3-7>2436 block3-8>2436 block3-9>2436 block3-10>2436 block3-11>2436
weight:3712,1392,1,1
bn:3712
0>2438 1>2439
weight:3712,232,3,3
0>2441 1>2439
weight:348,3712,1,1 bias:348
weight:3712,348,1,1 bias:3712
fc1>2443 fc2>2444
weight:3712,3712,1,1
0>2446 1>2439
a>2440 b>2442 se>2445 c>2447
proj>2440 f>2448
block4-0>2449
block1>2402 block2>2420 block3>2437 block4>2450
weight:K,3712 bias:K
stem>442 trunk_output>2451 fc>2452
weight:528,32,1,1
0>2454 1>241
weight:528,264,3,3
0>2456 1>241
weight:8,528,1,1 bias:8
weight:528,8,1,1 bias:528
fc1>2458 fc2>2459
weight:528,528,1,1
0>2461 1>241
a>2455 b>2457 se>2460 c>2462
proj>2455 f>2463
weight:132,528,1,1 bias:132
weight:528,132,1,1 bias:528
fc1>2465 fc2>2466
a>2462 b>2457 se>2467 c>2462
f>2468
block1-0>2464 block1-1>2469
weight:1056,528,1,1
0>2471 1>272
weight:1056,264,3,3
0>2473 1>272
weight:132,1056,1,1 bias:132
weight:1056,132,1,1 bias:1056
fc1>2475 fc2>2476
weight:1056,1056,1,1
0>2478 1>272
a>2472 b>2474 se>2477 c>2479
proj>2472 f>2480
weight:264,1056,1,1 bias:264
weight:1056,264,1,1 bias:1056
fc1>2482 fc2>2483
a>2479 b>2474 se>2484 c>2479
f>2485
block2-0>2481 block2-1>2486 block2-2>2486 block2-3>2486 block2-4>2486 block2-5>2486 block2-6>2486
weight:2904,1056,1,1
bn:2904
0>2488 1>2489
weight:2904,264,3,3
0>2491 1>2489
weight:264,2904,1,1 bias:264
weight:2904,264,1,1 bias:2904
fc1>2493 fc2>2494
weight:2904,2904,1,1
0>2496 1>2489
a>2490 b>2492 se>2495 c>2497
proj>2490 f>2498
weight:726,2904,1,1 bias:726
weight:2904,726,1,1 bias:2904
fc1>2500 fc2>2501
a>2497 b>2492 se>2502 c>2497
f>2503
block3-0>2499 block3-1>2504 block3-2>2504 block3-3>2504 block3-4>2504 block3-5>2504 block3-6>2504 block3-7>2504 block3-8>2504 block3-9>2504 block3-10>2504 block3-11>2504 block3-12>2504 block3-13>2504 block3-14>2504 block3-15>2504 block3-16>2504
weight:7392,2904,1,1
bn:7392
0>2506 1>2507
weight:7392,264,3,3
0>2509 1>2507
weight:726,7392,1,1 bias:726
weight:7392,726,1,1 bias:7392
fc1>2511 fc2>2512
weight:7392,7392,1,1
0>2514 1>2507
a>2508 b>2510 se>2513 c>2515
proj>2508 f>2516
block4-0>2517
block1>2470 block2>2487 block3>2505 block4>2518
weight:K,7392 bias:K
stem>442 trunk_output>2519 fc>2520
0>1405 1>441
a>1018 b>2522 c>1018
proj>1018 f>2523
block1-0>2524
a>2081 b>2083 c>2087
proj>2081 f>2526
a>2087 b>2083 c>2087
f>2528
block2-0>2527 block2-1>2529
weight:160,64,1,1
0>2531 1>122
weight:160,16,3,3
0>2533 1>122
weight:160,160,1,1
0>2535 1>122
a>2532 b>2534 c>2536
proj>2532 f>2537
a>2536 b>2534 c>2536
f>2539
block3-0>2538 block3-1>2540 block3-2>2540 block3-3>2540 block3-4>2540 block3-5>2540 block3-6>2540
weight:400,160,1,1
bn:400
0>2542 1>2543
weight:400,16,3,3
0>2545 1>2543
weight:400,400,1,1
0>2547 1>2543
a>2544 b>2546 c>2548
proj>2544 f>2549
a>2548 b>2546 c>2548
f>2551
block4-0>2550 block4-1>2552 block4-2>2552 block4-3>2552 block4-4>2552 block4-5>2552 block4-6>2552 block4-7>2552 block4-8>2552 block4-9>2552 block4-10>2552 block4-11>2552
block1>2525 block2>2530 block3>2541 block4>2553
weight:K,400 bias:K
stem>442 trunk_output>2554 fc>2555
block1-0>2527
0>113 1>114
weight:128,16,3,3
0>2559 1>114
0>120 1>114
a>2558 b>2560 c>2561
proj>2558 f>2562
a>2561 b>2560 c>2561
f>2564
block2-0>2563 block2-1>2565 block2-2>2565
weight:288,128,1,1
0>2567 1>136
weight:288,16,3,3
0>2569 1>136
weight:288,288,1,1
0>2571 1>136
a>2568 b>2570 c>2572
proj>2568 f>2573
a>2572 b>2570 c>2572
f>2575
block3-0>2574 block3-1>2576 block3-2>2576 block3-3>2576 block3-4>2576 block3-5>2576 block3-6>2576
weight:672,288,1,1
0>2578 1>175
weight:672,16,3,3
0>2580 1>175
weight:672,672,1,1
0>2582 1>175
a>2579 b>2581 c>2583
proj>2579 f>2584
a>2583 b>2581 c>2583
f>2586
block4-0>2585 block4-1>2587 block4-2>2587 block4-3>2587 block4-4>2587
block1>2557 block2>2566 block3>2577 block4>2588
weight:K,672 bias:K
stem>442 trunk_output>2589 fc>2590
a>2209 b>2211 c>2216
proj>2209 f>2592
a>2216 b>2211 c>2216
f>2594
block1-0>2593 block1-1>2595
weight:168,72,1,1
0>2597 1>1819
weight:168,24,3,3
0>2599 1>1819
weight:168,168,1,1
0>2601 1>1819
a>2598 b>2600 c>2602
proj>2598 f>2603
a>2602 b>2600 c>2602
f>2605
block2-0>2604 block2-1>2606 block2-2>2606 block2-3>2606
weight:408,168,1,1
bn:408
0>2608 1>2609
weight:408,24,3,3
0>2611 1>2609
weight:408,408,1,1
0>2613 1>2609
a>2610 b>2612 c>2614
proj>2610 f>2615
a>2614 b>2612 c>2614
f>2617
block3-0>2616 block3-1>2618 block3-2>2618 block3-3>2618 block3-4>2618 block3-5>2618 block3-6>2618 block3-7>2618 block3-8>2618 block3-9>2618
weight:912,408,1,1
0>2620 1>264
weight:912,24,3,3
0>2622 1>264
weight:912,912,1,1
0>2624 1>264
a>2621 b>2623 c>2625
proj>2621 f>2626
a>2625 b>2623 c>2625
f>2628
block4-0>2627 block4-1>2629
block1>2596 block2>2607 block3>2619 block4>2630
weight:K,912 bias:K
stem>442 trunk_output>2631 fc>2632
0>1752 1>117
weight:96,48,3,3
0>2635 1>117
weight:96,96,1,1
0>2637 1>117
a>2634 b>2636 c>2638
proj>2634 f>2639
a>2638 b>2636 c>2638
f>2641
block1-0>2640 block1-1>2642
0>216 1>125
0>222 1>125
a>2644 b>1219 c>2645
proj>2644 f>2646
a>2645 b>1219 c>2645
f>2648
block2-0>2647 block2-1>2649 block2-2>2649 block2-3>2649 block2-4>2649 block2-5>2649
weight:432,192,1,1
0>2651 1>236
weight:432,48,3,3
0>2653 1>236
weight:432,432,1,1
0>2655 1>236
a>2652 b>2654 c>2656
proj>2652 f>2657
a>2656 b>2654 c>2656
f>2659
block3-0>2658 block3-1>2660 block3-2>2660 block3-3>2660 block3-4>2660 block3-5>2660 block3-6>2660 block3-7>2660 block3-8>2660 block3-9>2660 block3-10>2660 block3-11>2660 block3-12>2660 block3-13>2660 block3-14>2660
weight:1008,432,1,1
0>2662 1>269
weight:1008,48,3,3
0>2664 1>269
weight:1008,1008,1,1
0>2666 1>269
a>2663 b>2665 c>2667
proj>2663 f>2668
a>2667 b>2665 c>2667
f>2670
block4-0>2669 block4-1>2671
block1>2643 block2>2650 block3>2661 block4>2672
weight:K,1008 bias:K
stem>442 trunk_output>2673 fc>2674
weight:80,32,1,1
0>2676 1>500
weight:80,80,3,3
0>2678 1>500
weight:80,80,1,1
0>2680 1>500
a>2677 b>2679 c>2681
proj>2677 f>2682
a>2681 b>2679 c>2681
f>2684
block1-0>2683 block1-1>2685
weight:240,80,1,1
0>2687 1>224
weight:240,120,3,3
0>2689 1>224
weight:240,240,1,1
0>2691 1>224
a>2688 b>2690 c>2692
proj>2688 f>2693
a>2692 b>2690 c>2692
f>2695
block2-0>2694 block2-1>2696 block2-2>2696 block2-3>2696 block2-4>2696
weight:720,240,1,1
0>2698 1>251
weight:720,120,3,3
0>2700 1>251
weight:720,720,1,1
0>2702 1>251
a>2699 b>2701 c>2703
proj>2699 f>2704
a>2703 b>2701 c>2703
f>2706
block3-0>2705 block3-1>2707 block3-2>2707 block3-3>2707 block3-4>2707 block3-5>2707 block3-6>2707 block3-7>2707 block3-8>2707 block3-9>2707 block3-10>2707 block3-11>2707 block3-12>2707 block3-13>2707 block3-14>2707
weight:1920,720,1,1
0>2709 1>326
weight:1920,120,3,3
0>2711 1>326
weight:1920,1920,1,1
0>2713 1>326
a>2710 b>2712 c>2714
proj>2710 f>2715
block4-0>2716
block1>2686 block2>2697 block3>2708 block4>2717
stem>442 trunk_output>2718 fc>438
weight:256,32,1,1
0>2720 1>132
0>1455 1>132
weight:256,256,1,1
0>2723 1>132
a>2721 b>2722 c>2724
proj>2721 f>2725
a>2724 b>2722 c>2724
f>2727
block1-0>2726 block1-1>2728
weight:512,256,1,1
0>2730 1>158
weight:512,128,3,3
0>2732 1>158
weight:512,512,1,1
0>2734 1>158
a>2731 b>2733 c>2735
proj>2731 f>2736
a>2735 b>2733 c>2735
f>2738
block2-0>2737 block2-1>2739 block2-2>2739 block2-3>2739 block2-4>2739 block2-5>2739
weight:896,512,1,1
0>2741 1>196
weight:896,128,3,3
0>2743 1>196
a>2742 b>2744 c>2315
proj>2742 f>2745
a>2315 b>2744 c>2315
f>2747
block3-0>2746 block3-1>2748 block3-2>2748 block3-3>2748 block3-4>2748 block3-5>2748 block3-6>2748 block3-7>2748 block3-8>2748 block3-9>2748 block3-10>2748 block3-11>2748 block3-12>2748
weight:2048,896,1,1
0>2750 1>1000
weight:2048,128,3,3
0>2752 1>1000
weight:2048,2048,1,1
0>2754 1>1000
a>2751 b>2753 c>2755
proj>2751 f>2756
block4-0>2757
block1>2729 block2>2740 block3>2749 block4>2758
stem>442 trunk_output>2759 fc>1003
weight:336,32,1,1
0>2761 1>229
weight:336,168,3,3
0>2763 1>229
a>2762 b>2764 c>2178
proj>2762 f>2765
a>2178 b>2764 c>2178
f>2767
block1-0>2766 block1-1>2768
weight:672,336,1,1
0>2770 1>175
weight:672,168,3,3
0>2772 1>175
a>2771 b>2773 c>2583
proj>2771 f>2774
a>2583 b>2773 c>2583
f>2776
block2-0>2775 block2-1>2777 block2-2>2777 block2-3>2777 block2-4>2777 block2-5>2777 block2-6>2777
weight:1344,672,1,1
0>2779 1>290
weight:1344,168,3,3
0>2781 1>290
weight:1344,1344,1,1
0>2783 1>290
a>2780 b>2782 c>2784
proj>2780 f>2785
a>2784 b>2782 c>2784
f>2787
block3-0>2786 block3-1>2788 block3-2>2788 block3-3>2788 block3-4>2788 block3-5>2788 block3-6>2788 block3-7>2788 block3-8>2788 block3-9>2788 block3-10>2788 block3-11>2788 block3-12>2788
weight:2520,1344,1,1
bn:2520
0>2790 1>2791
weight:2520,168,3,3
0>2793 1>2791
weight:2520,2520,1,1
0>2795 1>2791
a>2792 b>2794 c>2796
proj>2792 f>2797
block4-0>2798
block1>2769 block2>2778 block3>2789 block4>2799
weight:K,2520 bias:K
stem>442 trunk_output>2800 fc>2801
0>698 1>462 2>703 3>462
0>703 1>462 3>698 4>462 5>703 6>462
branch1>2803 branch2>2804
branch2>2804
0>2805 1>2806 2>2806 3>2806
0>809 1>592 2>2020 3>592
0>2020 1>592 3>809 4>592 5>2020 6>592
branch1>2808 branch2>2809
branch2>2809
0>2810 1>2811 2>2811 3>2811 4>2811 5>2811 6>2811 7>2811
0>456 1>117 2>2637 3>117
0>2637 1>117 3>456 4>117 5>2637 6>117
branch1>2813 branch2>2814
branch2>2814
0>2815 1>2816 2>2816 3>2816
weight:1024,192,1,1
0>2818 1>209
conv1>1206 stage2>2807 stage3>2812 stage4>2817 conv5>2819 fc>91
weight:58,24,1,1
bn:58
0>698 1>462 2>2821 3>2822
weight:58,1,3,3
weight:58,58,1,1
0>2821 1>2822 3>2824 4>2822 5>2825 6>2822
branch1>2823 branch2>2826
0>2825 1>2822 3>2824 4>2822 5>2825 6>2822
branch2>2828
0>2827 1>2829 2>2829 3>2829
weight:116,1,3,3
bn:116
weight:116,116,1,1
0>2831 1>2832 2>2833 3>2832
0>2833 1>2832 3>2831 4>2832 5>2833 6>2832
branch1>2834 branch2>2835
branch2>2835
0>2836 1>2837 2>2837 3>2837 4>2837 5>2837 6>2837 7>2837
weight:232,1,3,3
0>2839 1>767 2>2393 3>767
0>2393 1>767 3>2839 4>767 5>2393 6>767
branch1>2840 branch2>2841
branch2>2841
0>2842 1>2843 2>2843 3>2843
weight:1024,464,1,1
0>2845 1>209
conv1>1206 stage2>2830 stage3>2838 stage4>2844 conv5>2846 fc>91
0>698 1>462 2>1965 3>611
weight:88,88,1,1
0>1965 1>611 3>1967 4>611 5>2849 6>611
branch1>2848 branch2>2850
0>2849 1>611 3>1967 4>611 5>2849 6>611
branch2>2852
0>2851 1>2853 2>2853 3>2853
weight:176,1,3,3
weight:176,176,1,1
0>2855 1>947 2>2856 3>947
0>2856 1>947 3>2855 4>947 5>2856 6>947
branch1>2857 branch2>2858
branch2>2858
0>2859 1>2860 2>2860 3>2860 4>2860 5>2860 6>2860 7>2860
weight:352,1,3,3
weight:352,352,1,1
0>2862 1>142 2>2863 3>142
0>2863 1>142 3>2862 4>142 5>2863 6>142
branch1>2864 branch2>2865
branch2>2865
0>2866 1>2867 2>2867 3>2867
weight:1024,704,1,1
0>2869 1>209
conv1>1206 stage2>2854 stage3>2861 stage4>2868 conv5>2870 fc>91
weight:122,24,1,1
bn:122
0>698 1>462 2>2872 3>2873
weight:122,1,3,3
weight:122,122,1,1
0>2872 1>2873 3>2875 4>2873 5>2876 6>2873
branch1>2874 branch2>2877
0>2876 1>2873 3>2875 4>2873 5>2876 6>2873
branch2>2879
0>2878 1>2880 2>2880 3>2880
weight:244,1,3,3
bn:244
weight:244,244,1,1
0>2882 1>2883 2>2884 3>2883
0>2884 1>2883 3>2882 4>2883 5>2884 6>2883
branch1>2885 branch2>2886
branch2>2886
0>2887 1>2888 2>2888 3>2888 4>2888 5>2888 6>2888 7>2888
weight:488,1,3,3
bn:488
weight:488,488,1,1
0>2890 1>2891 2>2892 3>2891
0>2892 1>2891 3>2890 4>2891 5>2892 6>2891
branch1>2893 branch2>2894
branch2>2894
0>2895 1>2896 2>2896 3>2896
weight:2048,976,1,1
0>2898 1>1000
conv1>1206 stage2>2881 stage3>2889 stage4>2897 conv5>2899 fc>1003
weight:96,I,7,7 bias:96
weight:16,96,1,1 bias:16
weight:64,16,3,3 bias:64
squeeze>2902 expand1x1>1128 expand3x3>2903
weight:16,128,1,1 bias:16
squeeze>2905 expand1x1>1128 expand3x3>2903
weight:32,128,1,1 bias:32
weight:128,32,1,1 bias:128
weight:128,32,3,3 bias:128
squeeze>2907 expand1x1>2908 expand3x3>2909
weight:32,256,1,1 bias:32
squeeze>2911 expand1x1>2908 expand3x3>2909
weight:48,256,1,1 bias:48
weight:192,48,1,1 bias:192
weight:192,48,3,3 bias:192
squeeze>2913 expand1x1>2914 expand3x3>2915
weight:48,384,1,1 bias:48
squeeze>2917 expand1x1>2914 expand3x3>2915
weight:64,384,1,1 bias:64
weight:256,64,1,1 bias:256
weight:256,64,3,3 bias:256
squeeze>2919 expand1x1>2920 expand3x3>2921
weight:64,512,1,1 bias:64
squeeze>2923 expand1x1>2920 expand3x3>2921
0>2901 3>2904 4>2906 5>2910 7>2912 8>2916 9>2918 10>2922 12>2924
weight:K,512,1,1 bias:K
1>2926
features>2925 classifier>2927
weight:64,I,3,3 bias:64
squeeze>1127 expand1x1>1128 expand3x3>2903
0>2929 3>2930 4>2906 6>2910 7>2912 9>2916 10>2918 11>2922 12>2924
features>2931 classifier>2927
0>11 2>12
weight:288,96 bias:288
weight:96,96 bias:96
relative_position_bias_table:169,3 relative_position_index:2401 qkv>2934 proj>2935
0>15 3>16
norm1>12 attn>2936 norm2>12 mlp>2937
0>2938 1>2938
weight:192,384
reduction>2940 norm>32
weight:576,192 bias:576
weight:192,192 bias:192
relative_position_bias_table:169,6 relative_position_index:2401 qkv>2942 proj>2943
0>24 3>25
norm1>23 attn>2944 norm2>23 mlp>2945
0>2946 1>2946
weight:384,768
reduction>2948 norm>41
weight:1152,384 bias:1152
weight:384,384 bias:384
relative_position_bias_table:169,12 relative_position_index:2401 qkv>2950 proj>2951
0>33 3>34
norm1>32 attn>2952 norm2>32 mlp>2953
0>2954 1>2954 2>2954 3>2954 4>2954 5>2954
weight:768,1536
reduction>2956 norm>101
weight:2304,768 bias:2304
weight:768,768 bias:768
relative_position_bias_table:169,24 relative_position_index:2401 qkv>2958 proj>2959
0>42 3>43
norm1>41 attn>2960 norm2>41 mlp>2961
0>2962 1>2962
0>2933 1>2939 2>2941 3>2947 4>2949 5>2955 6>2957 7>2963
features>2964 norm>41 head>48
0>2954 1>2954 2>2954 3>2954 4>2954 5>2954 6>2954 7>2954 8>2954 9>2954 10>2954 11>2954 12>2954 13>2954 14>2954 15>2954 16>2954 17>2954
0>2933 1>2939 2>2941 3>2947 4>2949 5>2966 6>2957 7>2963
features>2967 norm>41 head>48
0>54 2>55
relative_position_bias_table:169,4 relative_position_index:2401 qkv>1627 proj>1628
0>58 3>59
norm1>55 attn>2970 norm2>55 mlp>2971
0>2972 1>2972
weight:256,512
reduction>2974 norm>75
relative_position_bias_table:169,8 relative_position_index:2401 qkv>1653 proj>1654
0>67 3>68
norm1>66 attn>2976 norm2>66 mlp>2977
0>2978 1>2978
weight:512,1024
reduction>2980 norm>84
relative_position_bias_table:169,16 relative_position_index:2401 qkv>1681 proj>1682
0>76 3>77
norm1>75 attn>2982 norm2>75 mlp>2983
0>2984 1>2984 2>2984 3>2984 4>2984 5>2984 6>2984 7>2984 8>2984 9>2984 10>2984 11>2984 12>2984 13>2984 14>2984 15>2984 16>2984 17>2984
weight:1024,2048
weight:2048 bias:2048
reduction>2986 norm>2987
weight:3072,1024 bias:3072
weight:1024,1024 bias:1024
relative_position_bias_table:169,32 relative_position_index:2401 qkv>2989 proj>2990
0>85 3>86
norm1>84 attn>2991 norm2>84 mlp>2992
0>2993 1>2993
0>2969 1>2973 2>2975 3>2979 4>2981 5>2985 6>2988 7>2994
features>2995 norm>84 head>91
weight:512,2 bias:512
weight:3,512
0>2997 2>2998
logit_scale:3,1,1 relative_coords_table:1,15,15,2 relative_position_index:4096 qkv>2934 proj>2935 cpb_mlp>2999
norm1>12 attn>3000 norm2>12 mlp>2937
0>3001 1>3001
reduction>2940 norm>23
weight:6,512
0>2997 2>3004
logit_scale:6,1,1 relative_coords_table:1,15,15,2 relative_position_index:4096 qkv>2942 proj>2943 cpb_mlp>3005
norm1>23 attn>3006 norm2>23 mlp>2945
0>3007 1>3007
reduction>2948 norm>32
weight:12,512
0>2997 2>3010
logit_scale:12,1,1 relative_coords_table:1,15,15,2 relative_position_index:4096 qkv>2950 proj>2951 cpb_mlp>3011
norm1>32 attn>3012 norm2>32 mlp>2953
0>3013 1>3013 2>3013 3>3013 4>3013 5>3013
reduction>2956 norm>41
weight:24,512
0>2997 2>3016
logit_scale:24,1,1 relative_coords_table:1,15,15,2 relative_position_index:4096 qkv>2958 proj>2959 cpb_mlp>3017
norm1>41 attn>3018 norm2>41 mlp>2961
0>3019 1>3019
0>2933 1>3002 2>3003 3>3008 4>3009 5>3014 6>3015 7>3020
features>3021 norm>41 head>48
0>3013 1>3013 2>3013 3>3013 4>3013 5>3013 6>3013 7>3013 8>3013 9>3013 10>3013 11>3013 12>3013 13>3013 14>3013 15>3013 16>3013 17>3013
0>2933 1>3002 2>3003 3>3008 4>3009 5>3023 6>3015 7>3020
features>3024 norm>41 head>48
weight:4,512
0>2997 2>3026
logit_scale:4,1,1 relative_coords_table:1,15,15,2 relative_position_index:4096 qkv>1627 proj>1628 cpb_mlp>3027
norm1>55 attn>3028 norm2>55 mlp>2971
0>3029 1>3029
reduction>2974 norm>66
weight:8,512
0>2997 2>3032
logit_scale:8,1,1 relative_coords_table:1,15,15,2 relative_position_index:4096 qkv>1653 proj>1654 cpb_mlp>3033
norm1>66 attn>3034 norm2>66 mlp>2977
0>3035 1>3035
reduction>2980 norm>75
weight:16,512
0>2997 2>3038
logit_scale:16,1,1 relative_coords_table:1,15,15,2 relative_position_index:4096 qkv>1681 proj>1682 cpb_mlp>3039
norm1>75 attn>3040 norm2>75 mlp>2983
0>3041 1>3041 2>3041 3>3041 4>3041 5>3041 6>3041 7>3041 8>3041 9>3041 10>3041 11>3041 12>3041 13>3041 14>3041 15>3041 16>3041 17>3041
reduction>2986 norm>84
weight:32,512
0>2997 2>3044
logit_scale:32,1,1 relative_coords_table:1,15,15,2 relative_position_index:4096 qkv>2989 proj>2990 cpb_mlp>3045
norm1>84 attn>3046 norm2>84 mlp>2992
0>3047 1>3047
0>2969 1>3030 2>3031 3>3036 4>3037 5>3042 6>3043 7>3048
features>3049 norm>84 head>91
weight:128,64,3,3 bias:128
weight:256,128,3,3 bias:256
weight:512,256,3,3 bias:512
weight:512,512,3,3 bias:512
0>2929 3>3051 6>3052 8>4 11>3053 13>3054 16>3054 18>3054
weight:4096,25088 bias:4096
0>3056 3>7 6>8
features>3055 classifier>3057
0>2929 1>112 4>3051 5>114 8>3052 9>132 11>4 12>132 15>3053 16>158 18>3054 19>158 22>3054 23>158 25>3054 26>158
features>3059 classifier>3057
weight:128,128,3,3 bias:128
0>2929 2>1596 5>3051 7>3061 10>3052 12>4 15>3053 17>3054 20>3054 22>3054
features>3062 classifier>3057
0>2929 1>112 3>1596 4>112 7>3051 8>114 10>3061 11>114 14>3052 15>132 17>4 18>132 21>3053 22>158 24>3054 25>158 28>3054 29>158 31>3054 32>158
features>3064 classifier>3057
0>2929 2>1596 5>3051 7>3061 10>3052 12>4 14>4 17>3053 19>3054 21>3054 24>3054 26>3054 28>3054
features>3066 classifier>3057
0>2929 1>112 3>1596 4>112 7>3051 8>114 10>3061 11>114 14>3052 15>132 17>4 18>132 20>4 21>132 24>3053 25>158 27>3054 28>158 30>3054 31>158 34>3054 35>158 37>3054 38>158 40>3054 41>158
features>3068 classifier>3057
0>2929 2>1596 5>3051 7>3061 10>3052 12>4 14>4 16>4 19>3053 21>3054 23>3054 25>3054 28>3054 30>3054 32>3054 34>3054
features>3070 classifier>3057
0>2929 1>112 3>1596 4>112 7>3051 8>114 10>3061 11>114 14>3052 15>132 17>4 18>132 20>4 21>132 23>4 24>132 27>3053 28>158 30>3054 31>158 33>3054 34>158 36>3054 37>158 40>3054 41>158 43>3054 44>158 46>3054 47>158 49>3054 50>158
features>3072 classifier>3057
weight:768,I,16,16 bias:768
in_proj_weight:2304,768 in_proj_bias:2304 out_proj>2959
ln_1>41 self_attention>3075 ln_2>41 mlp>2961
encoder_layer_0>3076 encoder_layer_1>3076 encoder_layer_2>3076 encoder_layer_3>3076 encoder_layer_4>3076 encoder_layer_5>3076 encoder_layer_6>3076 encoder_layer_7>3076 encoder_layer_8>3076 encoder_layer_9>3076 encoder_layer_10>3076 encoder_layer_11>3076
pos_embedding:1,P,768 layers>3077 ln>41
head>48
class_token:1,1,768 conv_proj>3074 encoder>3078 heads>3079
weight:768,I,32,32 bias:768
class_token:1,1,768 conv_proj>3081 encoder>3078 heads>3079
weight:1024,I,16,16 bias:1024
in_proj_weight:3072,1024 in_proj_bias:3072 out_proj>2990
ln_1>84 self_attention>3084 ln_2>84 mlp>2992
encoder_layer_0>3085 encoder_layer_1>3085 encoder_layer_2>3085 encoder_layer_3>3085 encoder_layer_4>3085 encoder_layer_5>3085 encoder_layer_6>3085 encoder_layer_7>3085 encoder_layer_8>3085 encoder_layer_9>3085 encoder_layer_10>3085 encoder_layer_11>3085 encoder_layer_12>3085 encoder_layer_13>3085 encoder_layer_14>3085 encoder_layer_15>3085 encoder_layer_16>3085 encoder_layer_17>3085 encoder_layer_18>3085 encoder_layer_19>3085 encoder_layer_20>3085 encoder_layer_21>3085 encoder_layer_22>3085 encoder_layer_23>3085
pos_embedding:1,P,1024 layers>3086 ln>84
head>91
class_token:1,1,1024 conv_proj>3083 encoder>3087 heads>3088
weight:1024,I,32,32 bias:1024
class_token:1,1,1024 conv_proj>3090 encoder>3087 heads>3088
weight:1280,I,14,14 bias:1280
weight:1280 bias:1280
weight:1280,1280 bias:1280
in_proj_weight:3840,1280 in_proj_bias:3840 out_proj>3094
weight:5120,1280 bias:5120
weight:1280,5120 bias:1280
0>3096 3>3097
ln_1>3093 self_attention>3095 ln_2>3093 mlp>3098
encoder_layer_0>3099 encoder_layer_1>3099 encoder_layer_2>3099 encoder_layer_3>3099 encoder_layer_4>3099 encoder_layer_5>3099 encoder_layer_6>3099 encoder_layer_7>3099 encoder_layer_8>3099 encoder_layer_9>3099 encoder_layer_10>3099 encoder_layer_11>3099 encoder_layer_12>3099 encoder_layer_13>3099 encoder_layer_14>3099 encoder_layer_15>3099 encoder_layer_16>3099 encoder_layer_17>3099 encoder_layer_18>3099 encoder_layer_19>3099 encoder_layer_20>3099 encoder_layer_21>3099 encoder_layer_22>3099 encoder_layer_23>3099 encoder_layer_24>3099 encoder_layer_25>3099 encoder_layer_26>3099 encoder_layer_27>3099 encoder_layer_28>3099 encoder_layer_29>3099 encoder_layer_30>3099 encoder_layer_31>3099
pos_embedding:1,P,1280 layers>3100 ln>3093
head>559
class_token:1,1,1280 conv_proj>3092 encoder>3101 heads>3102
`

/** The line of each model. */
export const MODELS: Readonly<Record<string, number>> = {
  alexnet: 10,
  convnext_tiny: 50,
  convnext_small: 53,
  convnext_base: 93,
  convnext_large: 110,
  densenet121: 214,
  densenet161: 351,
  densenet169: 411,
  densenet201: 439,
  efficientnet_b0: 561,
  efficientnet_b1: 590,
  efficientnet_b2: 686,
  efficientnet_b3: 806,
  efficientnet_b4: 905,
  efficientnet_b5: 1005,
  efficientnet_b6: 1122,
  efficientnet_b7: 1204,
  efficientnet_v2_s: 1279,
  efficientnet_v2_m: 1334,
  efficientnet_v2_l: 1391,
  googlenet: 1512,
  inception_v3: 1595,
  maxvit_t: 1698,
  mnasnet0_5: 1742,
  mnasnet0_75: 1780,
  mnasnet1_0: 1809,
  mnasnet1_3: 1859,
  mobilenet_v2: 1886,
  mobilenet_v3_large: 1955,
  mobilenet_v3_small: 2012,
  regnet_y_400mf: 2079,
  regnet_y_800mf: 2145,
  regnet_y_1_6gf: 2207,
  regnet_y_3_2gf: 2272,
  regnet_y_8gf: 2338,
  regnet_y_16gf: 2385,
  regnet_y_32gf: 2453,
  regnet_y_128gf: 2521,
  regnet_x_400mf: 2556,
  regnet_x_800mf: 2591,
  regnet_x_1_6gf: 2633,
  regnet_x_3_2gf: 2675,
  regnet_x_8gf: 2719,
  regnet_x_16gf: 2760,
  regnet_x_32gf: 2802,
  shufflenet_v2_x0_5: 2820,
  shufflenet_v2_x1_0: 2847,
  shufflenet_v2_x1_5: 2871,
  shufflenet_v2_x2_0: 2900,
  squeezenet1_0: 2928,
  squeezenet1_1: 2932,
  swin_t: 2965,
  swin_s: 2968,
  swin_b: 2996,
  swin_v2_t: 3022,
  swin_v2_s: 3025,
  swin_v2_b: 3050,
  vgg11: 3058,
  vgg11_bn: 3060,
  vgg13: 3063,
  vgg13_bn: 3065,
  vgg16: 3067,
  vgg16_bn: 3069,
  vgg19: 3071,
  vgg19_bn: 3073,
  vit_b_16: 3080,
  vit_b_32: 3082,
  vit_l_16: 3089,
  vit_l_32: 3091,
  vit_h_14: 3103,
}
