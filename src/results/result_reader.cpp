#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <limits>
#include <system_error>

#include "certificate_text.hpp"
#include "damage.hpp"
#include "hdf5_claims.hpp"
#include "hdf5_handle.hpp"
#include "hdf5_values.hpp"
#include "orbitmill/decompose/certificate.hpp"
#include "orbitmill/decompose/milestones.hpp"
#include "orbitmill/error.hpp"
#include "orbitmill/register/notation.hpp"
#include "orbitmill/results/result_file.hpp"

namespace orbitmill {

namespace {

void check_kind(hid_t file, const std::filesystem::path& path, std::uint64_t file_bytes) {
  const ValueReader root(file, "", file_bytes);
  const std::string filetype = root.has("filetype") ? root.text("filetype") : "";
  if (filetype != result_filetype)
    throw IoError(
        fmt::format("cannot read \"{}\": its filetype is \"{}\", expected \"{}\"; give a "
                    "file that orbitmill decompose wrote",
                    path.string(), filetype, result_filetype));
  const std::vector<int> version = root.pair("version");
  if (version[0] != result_version_major)
    throw IoError(
        fmt::format("cannot read \"{}\": its format is version {}.{}, this orbitmill reads "
                    "{}.x (up to {}.{}); use the orbitmill that wrote it",
                    path.string(), version[0], version[1], result_version_major,
                    result_version_major, result_version_minor));
}

RegisterSpec read_register(hid_t file, std::uint64_t file_bytes) {
  const Hdf5Handle group = open_group(file, "register");
  const ValueReader in(group.get(), "/register", file_bytes);
  RegisterSpec spec;
  spec.field_order = in.number("field_order");
  if (in.has("modulus")) spec.modulus = in.text("modulus");
  const std::uint64_t length = in.number("length");
  if (length < 1 || length > max_register_length) damaged("/register/length is out of range");
  spec.length = static_cast<std::uint32_t>(length);
  const Field field(spec.field_order, spec.modulus);
  spec.feedback = parse_feedback(in.text("feedback"), field, spec.length);
  return Register(spec).spec();
}

/// Decimal digits and nothing else, at most so many: numbers of a decomposition are at most q^n,
/// and converting a damaged text that is much longer could take minutes.
Integer parse_exact(const std::string& text, std::size_t max_digits, const std::string& name) {
  const auto value = text.size() <= max_digits ? parse_integer(text) : std::nullopt;
  if (!value)
    damaged(fmt::format("{} is \"{}\", no number of at most {} digits", name,
                        std::string_view(text).substr(0, 40), max_digits));
  return *value;
}

/// The columns `length` and `count` under this prefix, as words or as text.
ExactHistogram read_histogram(const ValueReader& in, const std::string& group,
                              const std::string& prefix, std::size_t max_digits) {
  const std::string length_name = prefix + "length", count_name = prefix + "count";
  const std::string length_text = length_name + "_text", count_text = count_name + "_text";
  ExactHistogram histogram;
  const auto check = [&](std::size_t lengths, std::size_t counts) {
    if (lengths != counts) damaged(group + " has columns of different lengths");
    histogram.reserve(lengths);
  };
  if (!in.has_column(length_text.c_str())) {
    const std::vector<std::uint64_t> lengths = in.numbers(length_name.c_str());
    const std::vector<std::uint64_t> counts = in.numbers(count_name.c_str());
    check(lengths.size(), counts.size());
    for (std::size_t i = 0; i < lengths.size(); ++i)
      histogram.push_back({to_integer(lengths[i]), to_integer(counts[i])});
    return histogram;
  }
  const std::vector<std::string> lengths = in.texts(length_text.c_str());
  const std::vector<std::string> counts = in.texts(count_text.c_str());
  check(lengths.size(), counts.size());
  const std::string length_place = group + "/" + length_text;
  const std::string count_place = group + "/" + count_text;
  for (std::size_t i = 0; i < lengths.size(); ++i)
    histogram.push_back({parse_exact(lengths[i], max_digits, length_place),
                         parse_exact(counts[i], max_digits, count_place)});
  return histogram;
}

Certificate read_certificate(hid_t file, std::uint64_t file_bytes, const RegisterSpec& spec,
                             std::size_t max_digits) {
  const Hdf5Handle group = open_group(file, "certificate");
  const ValueReader in(group.get(), "/certificate", file_bytes);
  const auto exact = [&](const char* name) {
    return parse_exact(in.text(name), max_digits, std::string("/certificate/") + name);
  };
  Certificate certificate;
  certificate.states = exact("states");
  certificate.states_accounted = exact("states_accounted");
  certificate.cycles =
      in.has("cycles_text") ? exact("cycles_text") : to_integer(in.number("cycles"));
  certificate.complete = in.flag("complete");
  const std::string checksum = in.text("checksum");
  const auto [end, error] =
      std::from_chars(checksum.data(), checksum.data() + checksum.size(), certificate.checksum, 16);
  if (error != std::errc() || end != checksum.data() + checksum.size())
    damaged(fmt::format("/certificate/checksum is \"{}\", no number of 64 bits", checksum));
  const auto of = value_in(checksum_names, in.text("checksum_of"));
  if (!of) damaged("/certificate/checksum_of is unknown");
  certificate.checksum_of = *of;
  // Files of version 1.0 knew nothing of theory, nor of singular registers.
  certificate.theory = spec.feedback.is_affine() ? Theory::not_compared : Theory::not_linear;
  if (!in.has("theory")) return certificate;
  certificate.transient_states = exact("transient_states");
  certificate.height = static_cast<std::uint32_t>(in.number("height"));
  const auto theory = value_in(theory_names, in.text("theory"));
  if (!theory) damaged("/certificate/theory is unknown");
  certificate.theory = *theory;
  if (*theory == Theory::agrees)
    certificate.predicted = read_histogram(in, "/certificate", "predicted_", max_digits);
  return certificate;
}

/// The certificate is claimed in the file; what can be checked in an instant is checked.
void check_consistency(const DecompositionRecord& record) {
  const Certificate& certificate = record.certificate;
  const RegisterSpec& spec = record.register_spec;
  Integer previous = 0;
  for (const ExactHistogramEntry& entry : record.histogram) {
    if (entry.length <= previous || entry.count == 0) damaged("/histogram is not in order");
    previous = entry.length;
  }
  const HistogramSums sums = sums_of(record.histogram);
  if (sums.states + certificate.transient_states != certificate.states_accounted ||
      sums.cycles != certificate.cycles)
    damaged("/histogram does not add up to /certificate");
  if (certificate.states != power(to_integer(spec.field_order), spec.length))
    damaged("/certificate/states does not belong to /register");
  if (certificate.complete != (certificate.states == certificate.states_accounted))
    damaged("/certificate/complete contradicts the states accounted for");
  if (certificate.checksum_of != ChecksumOf::cycles) {
    const ExactChecksum checksum = exact_checksum(record.histogram);
    if (checksum.of != certificate.checksum_of || checksum.value != certificate.checksum)
      damaged("/histogram does not have the checksum of /certificate");
  }
  if (certificate.theory == Theory::agrees && certificate.predicted != record.histogram)
    damaged("/certificate/theory contradicts the predicted histogram");
}

RunInfo read_run(hid_t file, std::uint64_t file_bytes) {
  const Hdf5Handle group = open_group(file, "run");
  const ValueReader in(group.get(), "/run", file_bytes);
  RunInfo run;
  run.version = in.text("version");
  run.commit = in.text("commit");
  run.compiler = in.text("compiler");
  run.flags = in.text("flags");
  run.mpi = in.text("mpi");
  run.hdf5 = in.text("hdf5");
  run.ranks = static_cast<std::uint32_t>(in.number("ranks"));
  run.threads = static_cast<std::uint32_t>(in.number("threads"));
  run.command_line = in.text("command_line");
  run.job_text = in.text("job_text");
  run.effective_job = in.text("effective_job");
  run.start_utc = in.text("start_utc");
  run.end_utc = in.text("end_utc");
  run.engine_asked = in.text("engine_asked");
  run.engine = in.text("engine");
  run.engine_reason = in.text("engine_reason");
  run.milestone_zeros = static_cast<std::uint32_t>(in.number("milestone_zeros"));
  run.table = in.text("table");
  run.table_reason = in.text("table_reason");
  run.deficit = in.number("deficit");
  run.predicted_s = in.real("predicted_s");
  run.schedule_asked = in.text("schedule_asked");
  run.schedule = in.text("schedule");
  run.schedule_reason = in.text("schedule_reason");
  run.elapsed_s = in.real("elapsed_s");
  run.hosts = in.texts("hosts");
  const std::vector<std::string> names = in.texts("phase_name");
  const std::vector<double> seconds = in.reals("phase_seconds");
  if (names.size() != seconds.size()) damaged("/run has phase columns of different lengths");
  for (std::size_t i = 0; i < names.size(); ++i) run.phases.push_back({names[i], seconds[i]});
  return run;
}

void same_length(std::size_t rows, std::size_t expected) {
  if (rows != expected) damaged("/profile has columns of different lengths");
}

void read_workers(const ValueReader& in, std::vector<RankProfile>& profile) {
  const auto ranks = in.numbers("thread_rank");
  const auto busy = in.reals("thread_busy_s");
  const auto idle = in.reals("thread_idle_s");
  const auto batches = in.numbers("thread_batches");
  for (const std::size_t rows : {busy.size(), idle.size(), batches.size()})
    same_length(rows, ranks.size());
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    if (ranks[i] >= profile.size()) damaged("/profile has a thread of a rank that is not there");
    profile[ranks[i]].workers.push_back({busy[i], idle[i], batches[i]});
  }
}

std::vector<RankProfile> read_profile(hid_t file, std::uint64_t file_bytes) {
  const Hdf5Handle group = open_group(file, "profile");
  const ValueReader in(group.get(), "/profile", file_bytes);
  const auto ranks = in.numbers("rank");
  const auto hosts = in.texts("host");
  const auto threads = in.numbers("threads");
  same_length(hosts.size(), ranks.size());
  same_length(threads.size(), ranks.size());
  std::vector<RankProfile> profile(ranks.size());
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    profile[i].rank = static_cast<std::uint32_t>(ranks[i]);
    profile[i].host = hosts[i];
    profile[i].threads = static_cast<std::uint32_t>(threads[i]);
  }
  const auto fill = [&](const auto& column, auto member) {
    same_length(column.size(), profile.size());
    for (std::size_t i = 0; i < profile.size(); ++i) profile[i].*member = column[i];
  };
  for (const auto& [name, member] : profile_counts) fill(in.numbers(name), member);
  for (const auto& [name, member] : profile_times) fill(in.reals(name), member);
  read_workers(in, profile);
  return profile;
}

/// Rows of one of the big tables; throws unless it is what it should be.
std::uint64_t table_rows(hid_t dataset, const char* name, std::uint64_t file_bytes,
                         std::size_t width = sizeof(std::uint64_t)) {
  const CheckedColumn table =
      check_column(dataset, std::string("/") + name, H5T_INTEGER, file_bytes);
  if (table.width != width || !table.chunked)
    damaged(fmt::format("/{} has an unexpected layout", name));
  return table.rows;
}

/// k of the milestone index, 0 without one.
unsigned read_index_zeros(hid_t file, const DecompositionRecord& record, std::uint64_t file_bytes) {
  if (H5Lexists(file, "milestones", H5P_DEFAULT) <= 0) return 0;
  const Hdf5Handle group = open_group(file, "milestones");
  const std::uint64_t zeros = ValueReader(group.get(), "/milestones", file_bytes).number("zeros");
  if (zeros < 1 || zeros >= record.register_spec.length)
    damaged("/milestones/zeros is out of range");
  const Register reg(record.register_spec);
  if (!reg.is_exhaustible() || !reg.is_nonsingular() || !record.has_cycles)
    damaged("/milestones is there without what it refers to");
  const Hdf5Handle positions = open_dataset(file, "milestones/position");
  if (table_rows(positions.get(), "milestones/position", file_bytes) !=
      MilestoneMap(reg, static_cast<unsigned>(zeros)).count())
    damaged("/milestones does not have one row for each milestone");
  return static_cast<unsigned>(zeros);
}

template <class Value>
void read_rows(const Hdf5Handle& dataset, std::uint64_t first, std::uint64_t count, Value* out,
               const char* name) {
  const hid_t type = sizeof(Value) == 1 ? H5T_NATIVE_UINT8 : H5T_NATIVE_UINT64;
  const Hdf5Handle memory = make_dataspace(count);
  const Hdf5Handle extent = dataspace_of(dataset.get());
  select_rows(memory.get(), 0, count);
  select_rows(extent.get(), first, count);
  hdf5_check(H5Dread(dataset.get(), type, memory.get(), extent.get(), H5P_DEFAULT, out),
             fmt::format("reading /{}", name));
}

std::uint64_t size_of_file(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found)
    throw IoError(fmt::format("cannot read \"{}\": there is no such file", path.string()));
  if (error) throw IoError(fmt::format("cannot read \"{}\": {}", path.string(), error.message()));
  // HDF5 would wait for ever on a pipe.
  if (!std::filesystem::is_regular_file(status))
    throw IoError(fmt::format("cannot read \"{}\": it is no ordinary file", path.string()));
  const std::uintmax_t bytes = std::filesystem::file_size(path, error);
  if (error) throw IoError(fmt::format("cannot read \"{}\": {}", path.string(), error.message()));
  return bytes;
}

Hdf5Handle open_result(const std::filesystem::path& path) {
  // HDF5's own words for a missing permission are about drivers and flags.
  if (std::FILE* file = std::fopen(path.c_str(), "rb"))
    std::fclose(file);
  else
    throw IoError(fmt::format("cannot read \"{}\": {}", path.string(),
                              std::generic_category().message(errno)));
  if (H5Fis_hdf5(path.c_str()) <= 0)
    throw IoError(
        fmt::format("cannot read \"{}\": it is no HDF5 file, expected one of filetype "
                    "\"{}\"; give a file that orbitmill decompose wrote",
                    path.string(), result_filetype));
  return reading(path, [&] { return open_file_for_reading(path.string()); });
}

}  // namespace

ResultReader::ResultReader(const std::filesystem::path& path, Trust trust)
    : path_(path), trust_(trust) {
  const std::uint64_t bytes = size_of_file(path);
  Hdf5Handle file = open_result(path);
  reading(path, [&] {
    const hid_t id = file.get();
    check_kind(id, path, bytes);
    record_.title = ValueReader(id, "", bytes).text("title");
    record_.register_spec = read_register(id, bytes);
    const RegisterSpec& spec = record_.register_spec;
    // Not printed: digits of q^n for the greatest of both take longer than all the rest.
    const Integer states = power(to_integer(spec.field_order), spec.length);
    const std::size_t max_digits = mpz_sizeinbase(states.get_mpz_t(), 10) + 20;
    const Hdf5Handle histogram = open_group(id, "histogram");
    record_.histogram = read_histogram(ValueReader(histogram.get(), "/histogram", bytes),
                                       "/histogram", "", max_digits);
    record_.certificate = read_certificate(id, bytes, spec, max_digits);
    record_.has_cycles = H5Lexists(id, "cycles", H5P_DEFAULT) > 0;
    record_.has_sequences = H5Lexists(id, "sequences", H5P_DEFAULT) > 0;
    record_.index_zeros = read_index_zeros(id, record_, bytes);
    record_.run = read_run(id, bytes);
    record_.profile = read_profile(id, bytes);
    if (trust == Trust::consistent) check_consistency(record_);
  });
  file_ = file.release();
}

ResultReader::~ResultReader() {
  H5Fclose(file_);
}

std::uint64_t ResultReader::cycle_rows() const {
  if (!record_.has_cycles) return 0;
  return reading(path_, [&] {
    const std::uint64_t bytes = size_of_file(path_);
    const std::uint64_t rows =
        table_rows(open_dataset(file_, "cycles/leader").get(), "cycles/leader", bytes);
    if (rows != table_rows(open_dataset(file_, "cycles/length").get(), "cycles/length", bytes))
      damaged("/cycles has columns of different lengths");
    if (trust_ == Trust::consistent && to_integer(rows) != record_.certificate.cycles)
      damaged("/cycles does not have one row for each cycle of /certificate");
    return rows;
  });
}

std::vector<CycleRow> ResultReader::cycles(std::uint64_t first, std::uint64_t count) const {
  if (!record_.has_cycles) return {};
  const std::uint64_t total = cycle_rows();
  return reading(path_, [&] {
    const Hdf5Handle leaders = open_dataset(file_, "cycles/leader");
    const Hdf5Handle lengths = open_dataset(file_, "cycles/length");
    const std::uint64_t rows = first < total ? std::min(count, total - first) : 0;
    std::vector<std::uint64_t> leader(rows), length(rows);
    read_rows(leaders, first, rows, leader.data(), "cycles/leader");
    read_rows(lengths, first, rows, length.data(), "cycles/length");
    const std::uint64_t states =
        to_word(record_.certificate.states).value_or(std::numeric_limits<std::uint64_t>::max());
    std::vector<CycleRow> table;
    table.reserve(rows);
    for (std::uint64_t i = 0; i < rows; ++i) {
      if (trust_ == Trust::consistent &&
          (leader[i] >= states || length[i] == 0 || (i > 0 && leader[i] <= leader[i - 1])))
        damaged("/cycles is not sorted by leader");
      table.push_back({leader[i], length[i]});
    }
    return table;
  });
}

template <class Value>
std::vector<Value> ResultReader::read_sequences(const char* name, std::uint64_t first,
                                                std::uint64_t count) const {
  if (!record_.has_sequences) return {};
  return reading(path_, [&] {
    const Hdf5Handle dataset = open_dataset(file_, name);
    const std::uint64_t total = table_rows(dataset.get(), name, size_of_file(path_), sizeof(Value));
    std::vector<Value> values(first < total ? std::min(count, total - first) : 0);
    read_rows(dataset, first, values.size(), values.data(), name);
    return values;
  });
}

std::vector<std::uint64_t> ResultReader::sequence_offsets(std::uint64_t first,
                                                          std::uint64_t count) const {
  return read_sequences<std::uint64_t>("sequences/offset", first, count);
}

std::vector<std::uint8_t> ResultReader::symbols(std::uint64_t first, std::uint64_t count) const {
  return read_sequences<std::uint8_t>("sequences/symbol", first, count);
}

std::uint64_t ResultReader::milestone_position(std::uint64_t milestone) const {
  return reading(path_, [&] {
    std::uint64_t position = 0;
    read_rows(open_dataset(file_, "milestones/position"), milestone, 1, &position,
              "milestones/position");
    if (trust_ == Trust::consistent && to_integer(position) >= record_.certificate.states)
      damaged("/milestones/position is out of range");
    return position;
  });
}

}  // namespace orbitmill
