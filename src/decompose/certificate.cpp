#include "orbitmill/decompose/certificate.hpp"

// The complete type of the hash state, so that it can travel between ranks. All ranks run one
// binary.
#define XXH_STATIC_LINKING_ONLY
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <boost/mpi/collectives.hpp>
#include <memory>

#include "orbitmill/cluster/messages.hpp"
#include "orbitmill/decompose/closed_form.hpp"
#include "orbitmill/error.hpp"

namespace orbitmill {
namespace {

// Hashing the structs as they lie in memory is hashing pairs of little-endian uint64.
static_assert(std::endian::native == std::endian::little);
static_assert(sizeof(CycleRow) == 16 && sizeof(HistogramEntry) == 16);

}  // namespace

std::uint64_t histogram_checksum(const Histogram& histogram) {
  return XXH64(histogram.data(), histogram.size() * sizeof(HistogramEntry), 0);
}

std::uint64_t cycle_table_checksum(const boost::mpi::communicator& comm, const CycleSlice& slice) {
  XXH64_state_t state;
  XXH64_reset(&state, 0);
  // A plain block of bytes (xxHash promises that the state may be copied); all ranks run one
  // binary.
  const int bytes = static_cast<int>(sizeof state);
  if (comm.rank() > 0) {
    MPI_Recv(&state, bytes, MPI_BYTE, comm.rank() - 1, tag_checksum, comm, MPI_STATUS_IGNORE);
  }
  XXH64_update(&state, slice.rows.data(), slice.rows.size() * sizeof(CycleRow));
  if (comm.rank() + 1 < comm.size()) {
    MPI_Send(&state, bytes, MPI_BYTE, comm.rank() + 1, tag_checksum, comm);
  }
  std::uint64_t checksum = XXH64_digest(&state);
  boost::mpi::broadcast(comm, checksum, comm.size() - 1);
  return checksum;
}

ExactChecksum exact_checksum(const ExactHistogram& histogram) {
  if (const auto words = to_words(histogram)) {
    return {histogram_checksum(*words), ChecksumOf::histogram};
  }
  XXH64_state_t state;
  XXH64_reset(&state, 0);
  for (const ExactHistogramEntry& entry : histogram) {
    const std::string line = fmt::format("{},{}\n", entry.length.get_str(), entry.count.get_str());
    XXH64_update(&state, line.data(), line.size());
  }
  return {XXH64_digest(&state), ChecksumOf::histogram_text};
}

Certificate certify(const boost::mpi::communicator& comm, std::uint64_t state_count,
                    const Histogram& histogram, const CycleSlice* slice) {
  Certificate certificate;
  const HistogramSums sums = sums_of(to_exact(histogram));
  certificate.states = to_integer(state_count);
  certificate.states_accounted = sums.states;
  certificate.cycles = sums.cycles;
  certificate.complete = certificate.states_accounted == certificate.states;
  certificate.checksum = histogram_checksum(histogram);
  boost::mpi::broadcast(comm, certificate, 0);
  if (!certificate.complete) {
    throw InternalError(fmt::format(
        "the certificate does not close: the {} cycles found hold {} states of {}; work was lost "
        "or "
        "done twice, and no result was written. Please report this with the command line",
        certificate.cycles.get_str(), certificate.states_accounted.get_str(),
        certificate.states.get_str()));
  }
  if (slice != nullptr) {
    if (to_integer(slice->total_rows) != certificate.cycles) {
      throw InternalError(fmt::format("the cycle table has {} rows for {} cycles",
                                      slice->total_rows, certificate.cycles.get_str()));
    }
    certificate.checksum = cycle_table_checksum(comm, *slice);
    certificate.checksum_of = ChecksumOf::cycles;
  }
  return certificate;
}

std::optional<std::string> first_difference(const ExactHistogram& found,
                                            const ExactHistogram& predicted) {
  const auto describe = [](const Integer& length, const Integer& one, const Integer& other) {
    return fmt::format("length {}: {} cycles found, {} predicted", length.get_str(), one.get_str(),
                       other.get_str());
  };
  for (std::size_t i = 0; i < std::max(found.size(), predicted.size()); ++i) {
    if (i < found.size() && i < predicted.size() && found[i] == predicted[i]) continue;
    const bool only_found =
        i >= predicted.size() || (i < found.size() && found[i].length < predicted[i].length);
    if (only_found) return describe(found[i].length, found[i].count, 0);
    const bool only_predicted = i >= found.size() || predicted[i].length < found[i].length;
    return describe(predicted[i].length, only_predicted ? Integer(0) : found[i].count,
                    predicted[i].count);
  }
  return std::nullopt;
}

void compare_with_theory(const boost::mpi::communicator& comm, const Register& reg,
                         const Histogram& histogram, Certificate& certificate) {
  certificate.theory = Theory::not_linear;
  if (!reg.feedback().is_affine()) return;
  // Root's verdict travels before anybody throws, so that nobody waits for a broadcast.
  std::string failure;
  if (comm.rank() == 0) {
    try {
      certificate.predicted = closed_form(reg).histogram;
      certificate.theory = Theory::agrees;
      if (const auto difference = first_difference(to_exact(histogram), certificate.predicted)) {
        failure = fmt::format(
            "the cycles found are not those that theory predicts for this register ({}); no result "
            "was written. Please report this with the command line",
            *difference);
      }
    } catch (const JobError&) {
      certificate.theory = Theory::not_compared;
    } catch (const std::exception& error) {
      failure = fmt::format("comparing with theory failed: {}", error.what());
    }
  }
  boost::mpi::broadcast(comm, failure, 0);
  if (!failure.empty()) throw InternalError(failure);
  boost::mpi::broadcast(comm, certificate, 0);
}

Certificate certify_closed_form(const Register& reg, const ClosedForm& closed_form) {
  Certificate certificate;
  const HistogramSums sums = sums_of(closed_form.histogram);
  certificate.states = power(Integer(reg.field().order()), reg.length());
  certificate.states_accounted = sums.states + closed_form.transient_states;
  certificate.cycles = sums.cycles;
  certificate.transient_states = closed_form.transient_states;
  certificate.height = closed_form.height;
  certificate.complete = certificate.states_accounted == certificate.states;
  certificate.theory = Theory::is_result;
  if (!certificate.complete) {
    throw InternalError(fmt::format(
        "the certificate does not close: the closed form accounts for {} states of {}; no result "
        "was written. Please report this with the command line",
        certificate.states_accounted.get_str(), certificate.states.get_str()));
  }
  const ExactChecksum checksum = exact_checksum(closed_form.histogram);
  certificate.checksum = checksum.value;
  certificate.checksum_of = checksum.of;
  return certificate;
}

}  // namespace orbitmill
