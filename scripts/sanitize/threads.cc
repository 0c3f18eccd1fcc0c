// Runs networks of native kernels on many threads at once, for ThreadSanitizer: scripts/sanitize.sh builds and runs it
// without libtorch, which is not compiled for that. Several executors, each with a pool of 1 to 4 threads, run networks
// that share their weights, and are interrupted at random; what is not interrupted must come out the same everywhere.

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "network.h"

namespace {

using namespace napi_torch::engine;

constexpr int kExecutors = 6;
constexpr int kRounds = 12;
constexpr int64_t kBatch = 4;
constexpr int64_t kChannels = 40;
constexpr int64_t kSize = 18;
constexpr int64_t kClasses = 10;
// The number of threads changes how work is divided, which may change the order of roundings.
constexpr float kTolerance = 1e-4F;

std::vector<float> Random(int64_t count, float scale) {
  std::mt19937 generator(static_cast<uint32_t>(count));
  std::normal_distribution<float> distribution(0, scale);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = distribution(generator);
  return values;
}

std::shared_ptr<ConvWeights> Weights(const KernelSet& kernels, const ConvGeometry& geometry) {
  const int64_t inputs = geometry.in_channels * geometry.taps();
  const auto values = std::make_shared<std::vector<float>>(
      Random(geometry.out_channels * inputs, 1 / std::sqrt(static_cast<float>(inputs))));
  return std::make_shared<ConvWeights>(kernels, geometry, WeightStorage::kFloat32, values->data(), nullptr, values);
}

// The weights of a small residual network, which all executors share.
struct Model {
  std::shared_ptr<ConvWeights> stem;
  std::shared_ptr<ConvWeights> square;  // 3 x 3, for all algorithms.
  std::shared_ptr<ConvWeights> strided;
  std::shared_ptr<ConvWeights> classes;

  explicit Model(const KernelSet& kernels)
      : stem(Weights(kernels, {3, kChannels, {5, 5}, {2, 2}, {2, 2}, {1, 1}})),
        square(Weights(kernels, {kChannels, kChannels, {3, 3}, {1, 1}, {1, 1}, {1, 1}})),
        strided(Weights(kernels, {kChannels, kChannels, {3, 3}, {2, 2}, {1, 1}, {1, 1}})),
        classes(Weights(kernels, {kChannels, kClasses, {1, 1}, {1, 1}, {0, 0}, {1, 1}})) {}
};

NetworkDefinition DefinitionOf(const Model& model, const KernelSet& kernels) {
  constexpr int64_t kChunk = 2;
  NetworkDefinition definition;
  definition.kernels = &kernels;
  definition.batch = kBatch;
  const auto buffer = [&](int64_t batch, int64_t channels, int64_t size, int64_t border) {
    const size_t slot = definition.buffers.size();
    definition.buffers.push_back({ActivationLayout::Of(batch, channels, size, size, border, kernels.block), slot});
    return slot;
  };
  const auto conv = [&](Algorithm algorithm, size_t input, size_t output, std::optional<size_t> residual) {
    NetworkDefinition::Conv2d result;
    result.weights = model.square;
    result.algorithm = algorithm;
    result.input = input;
    result.output = output;
    result.residual = residual;
    result.relu = true;
    return result;
  };

  const size_t a = buffer(kChunk, kChannels, kSize, 1);
  const size_t b = buffer(kChunk, kChannels, kSize, 1);
  const size_t c = buffer(kChunk, kChannels, kSize, 1);
  const size_t whole = buffer(kBatch, kChannels, kSize / 2, 1);
  const size_t other = buffer(kBatch, kChannels, kSize / 2, 1);
  const size_t mean = buffer(kBatch, kChannels, 1, 0);
  const size_t logits = buffer(kBatch, kClasses, 1, 0);

  NetworkDefinition::Conv2d stem = conv(Algorithm::kNchw, 0, a, std::nullopt);
  stem.weights = model.stem;
  stem.nchw = ActivationLayout{kChunk, 3, 4 * kSize, 4 * kSize, 0, 0, 0, 0};
  stem.pool = PoolGeometry{{3, 3}, {2, 2}, {1, 1}, {1, 1}};
  NetworkDefinition::Conv2d strided = conv(Algorithm::kDirect, c, whole, std::nullopt);
  strided.weights = model.strided;
  definition.segments.push_back(
      {kChunk,
       {stem, conv(Algorithm::kWinograd4, a, b, std::nullopt), conv(Algorithm::kWinograd2, b, c, a),
        conv(Algorithm::kWinograd4Phased, c, b, std::nullopt), conv(Algorithm::kDirect, b, c, a), strided}});
  definition.segments.push_back(
      {kBatch,
       {conv(Algorithm::kWinograd2Phased, whole, other, whole),
        NetworkDefinition::MaxPool2d{{{3, 3}, {1, 1}, {1, 1}, {1, 1}}, other, whole},
        NetworkDefinition::Add{whole, other, whole, true}, NetworkDefinition::GlobalAvgPool{whole, mean},
        NetworkDefinition::Linear{model.classes, mean, logits, false}}});
  return definition;
}

std::vector<float> Logits(const Network& network) {
  const Activation logits = network.BufferAt(6);
  std::vector<float> result;
  for (int64_t n = 0; n < kBatch; ++n) result.insert(result.end(), logits.At(n, 0, 0), logits.At(n, 0, 0) + kClasses);
  return result;
}

bool IsClose(const std::vector<float>& a, const std::vector<float>& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (!(std::abs(a[i] - b[i]) <= kTolerance)) return false;
  }
  return a.size() == b.size();
}

int Stress(const KernelSet& kernels) {
  const std::vector<float> pixels = Random(kBatch * 3 * 16 * kSize * kSize, 1);
  const std::atomic<bool> never{false};
  std::vector<float> expected;
  {
    ThreadPool pool(1);
    SharedFloats memory;
    Network network(DefinitionOf(Model(kernels), kernels));
    network.Prepare(pool, memory);
    network.Run(pool, {pixels.data()}, {never, never});
    expected = Logits(network);
  }

  const Model model(kernels);
  std::atomic<int> wrong{0};
  std::vector<std::thread> executors;
  for (int index = 0; index < kExecutors; ++index) {
    executors.emplace_back([&, index] {
      ThreadPool pool(1 + index % 4);
      SharedFloats memory;
      for (int round = 0; round < kRounds; ++round) {
        // The networks share their memory, as the plans of an engine do.
        Network network(DefinitionOf(model, kernels));
        network.Prepare(pool, memory);
        std::atomic<bool> canceled{false};
        std::thread canceller([&] {
          if (round % 3 == 2) std::this_thread::sleep_for(std::chrono::microseconds(round * 150));
          if (round % 3 == 2) canceled = true;
        });
        network.Run(pool, {pixels.data()}, {canceled, never});
        canceller.join();
        network.Run(pool, {pixels.data()}, {never, never});
        if (!IsClose(Logits(network), expected)) wrong += 1;
      }
    });
  }
  for (std::thread& executor : executors) executor.join();
  std::printf("%s: %d networks on %d executors, %d wrong\n", kernels.name, kExecutors * kRounds, kExecutors,
              wrong.load());
  return wrong;
}

}  // namespace

int main() {
  int wrong = 0;
  for (const Isa isa : {Isa::kAvx512, Isa::kAvx2, Isa::kPortable}) {
    if (const KernelSet* kernels = KernelSetOf(isa)) wrong += Stress(*kernels);
  }
  return wrong == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
