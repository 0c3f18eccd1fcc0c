// Kernels on quantized activations (uint8, NHWC), for the operations between oneDNN's integer convolutions: conversion
// from and to float32, and poolings that libtorch lacks for uint8 or for some sizes.
#pragma once

#include <cstdint>

#include "pooling.h"
#include "thread_pool.h"

namespace napi_torch::engine {

// A uint8 value q represents (q - zero_point) * scale.
struct QuantizationParameters {
  float scale = 1;
  int32_t zero_point = 0;
};

// Sizes of dense activations.
struct DenseShape {
  int64_t n = 0;
  int64_t c = 0;
  int64_t h = 0;
  int64_t w = 0;
};

// The most pixels of an activation whose mean MeanQuantized computes: the sum of more could overflow an int32.
inline constexpr int64_t kMaxMeanPixels = (int64_t{1} << 23) - 1;

// Quantizes `count` elements to the nearest value, halves to even. What is out of range saturates, and NaN becomes 0.
void Quantize(ThreadPool& pool, const float* source, int64_t count, const QuantizationParameters& parameters,
              uint8_t* target);

// As Quantize, from an NCHW `source` to an NHWC `target`.
void QuantizeNchw(ThreadPool& pool, const float* source, const DenseShape& shape,
                  const QuantizationParameters& parameters, uint8_t* target);

void Dequantize(ThreadPool& pool, const uint8_t* source, int64_t count, const QuantizationParameters& parameters,
                float* target);

// The largest value of each window of `source`, which has the shape `in`. `height` and `width` are those of `target`.
void MaxPoolQuantized(ThreadPool& pool, const uint8_t* source, const DenseShape& in, const PoolGeometry& geometry,
                      int64_t height, int64_t width, uint8_t* target);

// The mean of each channel of each sample: n * c float32 values. At most kMaxMeanPixels pixels.
void MeanQuantized(ThreadPool& pool, const uint8_t* source, const DenseShape& in,
                   const QuantizationParameters& parameters, float* target);

}  // namespace napi_torch::engine
