// float16 in which weights may be stored: IEEE 754 binary16, without infinities and NaN.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

namespace napi_torch::engine {

// Rounds a finite number of at most 65504 to the nearest half, ties to even, and gives its bits.
inline uint16_t ToHalf(float value) {
  const float magnitude = std::fabs(value);
  const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  constexpr float kMinNormal = 0x1p-14F;
  // Subnormal halves are multiples of 2^-24.
  if (magnitude < kMinNormal) return sign | static_cast<uint16_t>(std::nearbyint(magnitude * 0x1p24F));
  uint32_t bits = 0;
  std::memcpy(&bits, &magnitude, sizeof(bits));
  constexpr int kDropped = 13;  // Bits of the significand.
  bits += (1U << (kDropped - 1)) - 1 + (bits >> kDropped & 1U);
  constexpr uint32_t kBias = (127U - 15U) << 10;
  return sign | static_cast<uint16_t>((bits >> kDropped) - kBias);
}

inline float FromHalf(uint16_t half) {
  const int exponent = half >> 10 & 0x1f;
  const int significand = half & 0x3ff;
  const float magnitude = exponent == 0 ? std::ldexp(static_cast<float>(significand), -24)
                                        : std::ldexp(static_cast<float>(significand + 0x400), exponent - 25);
  return half & 0x8000 ? -magnitude : magnitude;
}

}  // namespace napi_torch::engine
